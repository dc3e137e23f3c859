//! Fuzz target for the URLs that the commands take.

use tungstenite::client::IntoClientRequest;

use crate::commands::client::{HttpUrl, ServerUrl};

/// The text of a command's argument.
///
/// What is a URL is printed as one that means the same, and can be asked for. What is none has an error of one line.
pub fn url(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match text.parse::<ServerUrl>() {
        Ok(url) => {
            for url in [url.clone(), url.clone().or_path("/results"), url.with_query("results")] {
                let printed = url.to_string();
                let again: ServerUrl = printed.parse().unwrap_or_else(|error| panic!("{printed:?}: {error}"));
                assert_eq!((again.to_string(), again.host(), again.path()), (printed.clone(), url.host(), url.path()));
                assert!(!url.host().is_empty(), "{printed:?}");
                printed.as_str().into_client_request().unwrap_or_else(|error| panic!("{printed:?}: {error}"));
            }
        }
        Err(error) => drop(error.to_string()),
    }
    if let Ok(url) = text.parse::<HttpUrl>() {
        let printed = url.to_string();
        assert_eq!(printed.parse::<HttpUrl>().as_ref(), Ok(&url), "{printed:?}");
        printed.parse::<tungstenite::http::Uri>().unwrap_or_else(|error| panic!("{printed:?}: {error}"));
    }
}
