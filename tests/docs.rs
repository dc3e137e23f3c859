//! The documents: their links lead somewhere, they keep to their length, and they know every key of the configuration.

#[cfg(not(target_arch = "arm"))] // no validator is built there
#[path = "support/schema.rs"]
mod schema;

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

/// Lines of the README.
const README_LINES: usize = 130;

/// Columns of a line of prose. Tables, code and pictures may be wider.
const COLUMNS: usize = 100;

#[test]
fn every_link_leads_somewhere() {
    let broken: Vec<_> = documents().iter().flat_map(|file| broken_links(file)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_line_is_too_long() {
    let mut long = Vec::new();
    for file in documents() {
        for (number, line) in prose(&read(&file)) {
            let may_be = ["|", "    ", "!["].iter().any(|start| line.starts_with(start)) || line.contains("://");
            if !may_be && line.chars().count() > COLUMNS {
                long.push(format!("{}:{number}: {line}", file.display()));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_readme_is_short() {
    let lines = read(&root().join("README.md")).lines().count();
    assert!(lines <= README_LINES, "{lines} lines");
}

/// A key stands on the page of the configuration, or on that of its stage.
#[test]
fn every_key_of_the_sample_is_explained() {
    let configuration = read(&root().join("docs/configuration.md"));
    let (mut table, mut missing) = (String::new(), Vec::new());
    for line in read(&root().join("deploy/fovea.toml")).lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if line.starts_with('[') && line.ends_with(']') {
            line.trim_matches(['[', ']']).clone_into(&mut table);
        }
        let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| is_key(key)) else { continue };
        let stage = table.strip_prefix("camera.").and_then(|rest| rest.split('.').next());
        let page = stage.map(|stage| root().join(format!("docs/{stage}.md")));
        let page = page.filter(|page| page.exists()).map(|page| read(&page)).unwrap_or_default();
        let is_explained = |text: &str| text.contains(&format!("`{key}`"));
        // A camera's controls have the names that its maker gave them.
        if table != "camera.v4l2.controls" && !is_explained(&configuration) && !is_explained(&page) {
            missing.push(format!("[{table}] {key}"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// A message that a client sends needs no version.
#[cfg(not(target_arch = "arm"))]
#[test]
fn examples_of_messages_are_as_the_schema_has_them() {
    let mut kinds = HashSet::new();
    for file in ["README.md", "docs/protocol.md"] {
        let text = read(&root().join(file));
        for example in text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let mut message: serde_json::Value =
                serde_json::from_str(example).unwrap_or_else(|error| panic!("{error}: {example}"));
            if message["sender_us"].is_number() {
                message["v"] = 1.into();
            }
            schema::assert_published(&message);
            kinds.insert(message["type"].to_string());
        }
    }
    assert_eq!(kinds.len(), 7, "one of each type: {kinds:?}");
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The Markdown files at the top and in `docs`.
fn documents() -> Vec<PathBuf> {
    let folders = [root().to_owned(), root().join("docs")];
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("it is there"));
    let mut files: Vec<_> = files.map(|entry| entry.expect("it can be read").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    files
}

/// The lines that are not in a fenced block of code, each with its number.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

fn broken_links(file: &Path) -> Vec<String> {
    let text = read(file);
    let mut broken = Vec::new();
    for (number, line) in prose(&text) {
        for target in links(line).into_iter().filter(|target| !target.contains("://")) {
            if let Err(why) = follow(file, &target) {
                broken.push(format!("{}:{number}: {target}: {why}", file.display()));
            }
        }
    }
    broken
}

/// The targets of the links in a line: `[text](target)`. What looks like one in a code span is none.
fn links(line: &str) -> Vec<String> {
    let outside: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
    let rests = outside.split("](").skip(1);
    rests.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// Whether a relative link from `file` has a file, and a heading there if it names one.
fn follow(file: &Path, target: &str) -> Result<(), &'static str> {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let folder = file.parent().expect("it is a file");
    let to = if path.is_empty() { file.to_owned() } else { folder.join(path) };
    if !to.exists() {
        return Err("there is no such file");
    }
    match anchor {
        Some(anchor) if !anchors(&read(&to)).contains(anchor) => Err("there is no such heading"),
        _ => Ok(()),
    }
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> HashSet<String> {
    let headings = prose(text)
        .filter_map(|(_, line)| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let anchor = |heading: &str| {
        let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
        heading.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn anchors_are_as_github_makes_them() {
    let anchors = anchors("# A core, for `fovea`\n```\n# no heading\n```\n## `[camera.v4l2]`: it is here\n");
    assert_eq!(anchors, ["a-core-for-fovea", "camerav4l2-it-is-here"].map(str::to_owned).into());
}

#[test]
fn links_are_found_outside_of_code() {
    assert_eq!(links("[`a`](b.md#c), ![d](e.jpg) and `[f](g)`"), ["b.md#c", "e.jpg"]);
}
