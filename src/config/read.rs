//! Text -> checked configuration, or all its mistakes.
//!
//! serde stops at the first mistake. So this parses the text once, to a tree with spans. Then it deserializes the tree,
//! reports the mistake, removes the item at its span from the tree, and tries again until serde succeeds. It removes
//! without a report what only follows from a mistake already reported, such as a table that lacks the name that was
//! misspelt.

use std::{collections::BTreeMap, path::Path};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, Deserializer},
};

use super::{
    Config,
    check::check,
    diagnostic::{Diagnostic, Position, Span},
    file::File,
    messages::{SerdeMessage, abbreviate, nearest, parser_message},
    model::manifest,
    tree::{Items, remove},
    violation::Violation,
};
use crate::model::manifest::Manifest;

/// The largest number of mistakes reported for one file: each costs a pass over it.
const MAX_REPORTED: usize = 100;

/// Reads and checks the configuration in `text`; gives with it what the next version will refuse. `has_tokens` says whether there
/// is such a file with tokens.
pub(super) fn read(
    text: &str,
    has_tokens: impl FnOnce(&Path) -> bool,
) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    read_as(text, |file: &File, violations| check(file, text.len(), has_tokens, violations))
}

/// The same of a file with one model's table.
pub(super) fn read_manifest(text: &str) -> Result<Manifest, Vec<Diagnostic>> {
    read_as(text, manifest).map(|(manifest, _)| manifest)
}

/// Reads `text` as a `T`, and makes of it what is to be returned.
fn read_as<T: DeserializeOwned, C>(
    text: &str,
    check: impl FnOnce(&T, &mut Vec<Violation>) -> C,
) -> Result<(C, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (tree, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(syntax_errors(text, &errors));
    }
    let items = Items::of(text, &tree);
    let mut reader = Reader { text, items, reported: Vec::new() };
    let Some(file) = reader.deserialize(tree.clone()) else { return Err(reader.into_diagnostics()) };
    let mut violations = Vec::new();
    let config = check(&file, &mut violations);
    let (warnings, violations): (Vec<_>, _) = violations.into_iter().partition(|violation| violation.is_warning);
    for violation in violations {
        reader.report_violation(violation);
    }
    if !reader.reported.is_empty() {
        return Err(reader.into_diagnostics());
    }
    for warning in warnings {
        reader.report_violation(warning);
    }
    Ok((config, reader.into_diagnostics()))
}

/// The diagnostics of text that is not TOML. One mistake often breaks several rules of the grammar, so this reports
/// only the first error of a line.
fn syntax_errors(text: &str, errors: &[toml::de::Error]) -> Vec<Diagnostic> {
    let mut diagnostics = BTreeMap::new();
    for error in errors.iter().take(MAX_REPORTED) {
        let offset = error.span().map_or(text.len(), |span| span.start);
        let position = Position::at(text, offset);
        let what = format!("not TOML: {}", parser_message(error.message()));
        diagnostics.entry(position.line).or_insert(Diagnostic { position, subject: None, what });
    }
    let truncated = (errors.len() > MAX_REPORTED).then(|| truncated(text));
    diagnostics.into_values().chain(truncated).collect()
}

/// The last diagnostic of a file with more mistakes than are reported.
fn truncated(text: &str) -> Diagnostic {
    let what = format!("there may be more mistakes: fovea reports {MAX_REPORTED} at a time");
    Diagnostic { position: Position::at(text, text.len()), subject: None, what }
}

/// A mistake that was reported, and how to recognise what only follows from it.
struct Reported {
    diagnostic: Diagnostic,
    span: Span,
    /// The key that is wrong, or the one that was meant, with its tables.
    path: String,
    /// That key without its tables.
    key: String,
    /// The span of the table that lacks the key now.
    table: Span,
}

struct Reader<'t> {
    text: &'t str,
    items: Items<'t>,
    reported: Vec<Reported>,
}

impl Reader<'_> {
    /// Deserializes the file without its mistakes; `None` if there are too many.
    fn deserialize<T: DeserializeOwned>(&mut self, mut tree: Spanned<DeTable<'_>>) -> Option<T> {
        loop {
            let error = match T::deserialize(Deserializer::from(tree.clone())) {
                Ok(file) => return Some(file),
                Err(error) => error,
            };
            let span = error.span().unwrap_or(0..0);
            self.report_serde_error(&span, error.message());
            if self.reported.len() == MAX_REPORTED || !remove(tree.get_mut(), &span) {
                return None;
            }
        }
    }

    fn into_diagnostics(self) -> Vec<Diagnostic> {
        let truncated = (self.reported.len() >= MAX_REPORTED).then(|| truncated(self.text));
        self.reported.into_iter().map(|reported| reported.diagnostic).chain(truncated).collect()
    }

    /// Reports serde's `message` about the item at `span`, unless it follows from a mistake already reported.
    fn report_serde_error(&mut self, span: &Span, message: &str) {
        let item = self.items.at(span);
        let key = item.map_or("", |item| item.key);
        let header = item.filter(|item| item.is_header).map(|item| self.items.path(item));
        let what = match (SerdeMessage::parse(message, key), header.as_deref()) {
            (SerdeMessage::Missing(key), _)
                if self.reported.iter().any(|reported| reported.table == *span && reported.key == key) =>
            {
                return;
            }
            (SerdeMessage::Missing(key), _) => format!("must have a {key}: add a line {key} = ..."),
            _ if self
                .reported
                .iter()
                .any(|Reported { span: inner, .. }| span.start <= inner.start && inner.end <= span.end) =>
            {
                return;
            }
            (SerdeMessage::Unknown(known), _) => {
                let kind = if header.is_some() { "table" } else { "key" };
                let meant = nearest(key, &known);
                let what = match meant {
                    Some(meant) => format!("there is no such {kind}; did you mean {meant}?"),
                    None => format!("there is no such {kind}; known here: {}", known.join(", ")),
                };
                return self.report(span, what, meant);
            }
            (SerdeMessage::Expected("a table"), _) if item.is_some_and(|item| self.items.is_unnamed(item, "model")) => {
                "a model is a table with a name: write [model.NAME], in single brackets".to_owned()
            }
            (SerdeMessage::Expected("a table"), Some(path)) => {
                format!("must be one table: write [{path}], in single brackets")
            }
            (SerdeMessage::Expected("a list"), Some(path)) => {
                format!("must be a list of tables: write [[{path}]], in double brackets")
            }
            (SerdeMessage::Expected(rule), _) => format!("must be {rule}"),
            (SerdeMessage::Other(what), _) => what.to_owned(),
        };
        self.report(span, what, None);
    }

    /// Reports a broken rule, unless that follows from a mistake already reported.
    fn report_violation(&mut self, violation: Violation) {
        let Violation { span, what, missed, lacks_element, .. } = violation;
        let follows = self.reported.iter().any(|Reported { span: inner, path, key, table, .. }| {
            missed.iter().any(|missed| path.starts_with(missed) || (*table == span && key == missed))
                || (lacks_element && span.start <= inner.start && inner.end <= span.end)
        });
        if !follows {
            self.report(&span, what, None);
        }
    }

    /// Reports a mistake at `span`, with the item there, if any; `meant` is the key that was meant in its place.
    fn report(&mut self, span: &Span, what: String, meant: Option<&str>) {
        let position = Position::at(self.text, span.start);
        let reported = match self.items.at(span) {
            None => {
                let diagnostic = Diagnostic { position, subject: None, what };
                Reported { diagnostic, span: span.clone(), path: String::new(), key: String::new(), table: 0..0 }
            }
            Some(item) => {
                let path = self.items.path(item);
                let subject = if item.is_header {
                    path.clone()
                } else {
                    format!("{path} = {}", abbreviate(&self.text[item.value.clone()]))
                };
                let diagnostic = Diagnostic { position, subject: Some(subject), what };
                let key = meant.unwrap_or(item.key);
                let path = match path.rsplit_once('.') {
                    Some((tables, _)) => format!("{tables}.{key}"),
                    None => key.to_owned(),
                };
                Reported { diagnostic, span: span.clone(), path, key: key.to_owned(), table: item.table.clone() }
            }
        };
        self.reported.push(reported);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The diagnostics of `text`, one a line.
    fn diagnostics(text: &str) -> String {
        let diagnostics = read(text, |_| false).map(|_| ()).expect_err("there is a mistake");
        diagnostics.iter().map(|diagnostic| format!("{diagnostic}\n")).collect()
    }

    #[test]
    fn what_follows_from_a_mistake_is_not_reported() {
        let camera = "[[camera]]\nname = \"a\"\n";
        let one = |text: &str| diagnostics(text).lines().count() == 1;
        assert!(one("[[camera]]\nnmae = \"a\"\n"), "the name is missing, but it is there misspelt");
        assert!(one("[[camera]]\nname = 3\n"), "the same, of a wrong type");
        assert!(one("[[camera]]\n"), "no camera is left, but it has been tried");
        assert!(one("[[camra]]\nname = \"a\"\n"), "the same, misspelt");
        assert!(
            one(&format!("{camera}[server]\nlisten = \"0.0.0.0:1\"\nallow_anonymous = 1")),
            "it is allowed, if badly"
        );
        assert!(one(&format!("{camera}motion.zone = [{{ ignore = true, polygon = [[2, 0], [0, 1], [1, 0]] }}]")));
    }

    #[test]
    fn every_mistake_in_an_array_is_reported_at_its_position() {
        let text = "[[camera]]\nname = \"a\"\nmotion.zone = [{ name = \"z\", polygon = [[2, \"x\"], [0], [1, 0, 1]] }]";
        let expected = "3:42: camera.motion.zone[].polygon[][] = 2: must be a number from 0 to 1\n\
                        3:45: camera.motion.zone[].polygon[][] = \"x\": must be a number from 0 to 1\n\
                        3:51: camera.motion.zone[].polygon[] = [0]: must be two numbers from 0 to 1: [x, y]\n\
                        3:56: camera.motion.zone[].polygon[] = [1, 0, 1]: must be two numbers from 0 to 1: [x, y]\n";
        assert_eq!(diagnostics(text), expected);
    }

    #[test]
    fn a_great_many_mistakes_end_early() {
        let unknown: String = (0..1000).map(|n| format!("key{n} = 1\n")).collect();
        let broken = "k = = 1\n".repeat(1000);
        for text in [unknown, broken] {
            let diagnostics = diagnostics(&text);
            assert!(diagnostics.lines().count() <= MAX_REPORTED + 1);
            assert!(
                diagnostics.ends_with("there may be more mistakes: fovea reports 100 at a time\n"),
                "{diagnostics}"
            );
        }
    }

    /// Text that is often nearly right, so that it gets far.
    fn nearly_toml() -> impl Strategy<Value = String> {
        let words = "[server]\n|[camera.motion]\n|[[camera]]\n|[[camera.motion.zone]]\n|[[server]]\n|[camera]\n|name|polygon|\
            listen|ignore|motion|zone|camera|max_clients| = |=|.|,|{|}|[|]|\n|\r\n|\t| |\"a\"|\"ü\"|'|\"\"\"|\\|#|0|1|-1|0.5|nan|\
            1e999|true|1979-05-27|99999999999999999999|[[0, 0], [0, 1], [1, 1]]\n|\"0.0.0.0:1\"\n|\u{feff}|\0|name = \"a\"\n";
        let word = prop::sample::select(words.split('|').collect::<Vec<_>>());
        prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_with_places_in_it(text in prop_oneof![any::<String>(), nearly_toml()]) {
            if let Err(diagnostics) = read(&text, |_| false) {
                prop_assert!(!diagnostics.is_empty());
                for Diagnostic { position, .. } in diagnostics {
                    let line = text.split('\n').nth(position.line - 1);
                    prop_assert!(line.is_some_and(|line| position.column <= line.chars().count() + 1), "{position}");
                }
            }
        }
    }
}
