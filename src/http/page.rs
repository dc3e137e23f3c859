//! The web pages, built into the program: a board needs no other host.

use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{app::App, security, session_cookie::ConnectionInfo};
use crate::system::authority;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Path, content type, content.
const FILES: [(&str, &str, &str); 19] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/login", HTML, include_str!("page/login.html")),
    ("/login.js", SCRIPT, include_str!("page/login.js")),
    ("/session.js", SCRIPT, include_str!("page/session.js")),
    ("/style.css", CSS, include_str!("page/style.css")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("/live.js", SCRIPT, include_str!("page/live.js")),
    ("/load.js", SCRIPT, include_str!("page/load.js")),
    ("/card.js", SCRIPT, include_str!("page/card.js")),
    ("/recent.js", SCRIPT, include_str!("page/recent.js")),
    ("/format.js", SCRIPT, include_str!("page/format.js")),
    ("/stream.js", SCRIPT, include_str!("page/stream.js")),
    ("/draw.js", SCRIPT, include_str!("page/draw.js")),
    ("/counts.js", SCRIPT, include_str!("page/counts.js")),
    ("/editor.js", SCRIPT, include_str!("page/editor.js")),
    ("/shapes.js", SCRIPT, include_str!("page/shapes.js")),
    ("/sketch.js", SCRIPT, include_str!("page/sketch.js")),
    ("/camera.js", SCRIPT, include_str!("page/camera.js")),
    ("/sender.js", SCRIPT, include_str!("page/sender.js")),
];

/// Adds the pages' paths.
pub(super) fn add(routes: Router<App>) -> Router<App> {
    let file = |routes: Router<App>, (path, content_type, content)| {
        routes.route(path, get(move || async move { ([(header::CONTENT_TYPE, content_type)], content) }))
    };
    FILES.into_iter().fold(routes, file).route("/camera", get(camera))
}

/// `/camera`: the one page whose policy lets it connect to the WebSocket port.
async fn camera(
    State(app): State<App>,
    Extension(connection): Extension<ConnectionInfo>,
    headers: HeaderMap,
) -> Response {
    let host =
        headers.get(header::HOST).and_then(|host| host.to_str().ok()).and_then(authority::host).unwrap_or_default();
    let policy = security::page_policy(host, app.websocket_port, connection.is_encrypted);
    let headers = [(header::CONTENT_TYPE, HTML), (header::CONTENT_SECURITY_POLICY, &policy)];
    (headers, include_str!("page/camera.html")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_small_and_of_this_board_alone() {
        let camera = ("/camera", HTML, include_str!("page/camera.html"));
        let sum: usize = FILES.iter().chain([&camera]).map(|(_, _, content)| content.len()).sum();
        assert!(sum < 100_000, "{sum} bytes");
        for (path, _, content) in FILES.iter().chain([&camera]) {
            let content = content.replace("http://www.w3.org/2000/svg", "").replace("http://localhost", "");
            assert!(!content.contains("http://") && !content.contains("https://"), "{path} names another host");
        }
    }

    /// The scripts that a script imports, and those that they import.
    fn imports(script: &str, found: &mut Vec<String>) {
        let (_, _, content) = FILES.iter().find(|(path, _, _)| *path == script).expect("imports are of this board");
        for line in content.lines().filter(|line| line.starts_with("import ")) {
            let name = line.split('"').nth(1).expect("a name in quotes").to_owned();
            if !found.contains(&name) {
                found.push(name.clone());
                imports(&name, found);
            }
        }
    }

    #[test]
    fn a_page_names_all_of_its_scripts_at_once() {
        for page in [include_str!("page/index.html"), include_str!("page/camera.html"), include_str!("page/login.html")]
        {
            let named = |before: &str| -> Vec<String> {
                page.split(before).skip(1).filter_map(|rest| rest.split('"').next()).map(Into::into).collect()
            };
            let started = named("<script type=\"module\" src=\"");
            assert!(!started.is_empty());
            let mut expected = Vec::new();
            started.iter().for_each(|script| imports(script, &mut expected));
            expected.retain(|script| !started.contains(script));
            let mut preloaded = named("<link rel=\"modulepreload\" href=\"");
            preloaded.sort();
            expected.sort();
            assert_eq!(preloaded, expected, "a script that is found only when another one is there comes later");
        }
    }
}
