//! Text -> checked configuration, or all its mistakes.
//!
//! serde stops at the first mistake. So the text is parsed once, to a tree that knows places; then what stands where
//! the mistake is, is noted and taken out of the tree, and serde tries again until it is content. What follows only
//! from a mistake already noted (a table without the name that was misspelt) is taken out without a word.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, Deserializer},
};

use super::{
    Config,
    check::{Violation, check},
    diagnostic::{Diagnostic, Position, Span},
    file::File,
    messages::{SerdeMessage, abbreviate, nearest, parser_message},
    tree::{Items, take_out},
};

/// Mistakes looked for in one file: each costs a pass over it.
const MOST: usize = 100;

/// The checked configuration in `text`.
pub(super) fn read(text: &str) -> Result<Config, Vec<Diagnostic>> {
    let (tree, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(syntax(text, &errors));
    }
    let items = Items::of(text, &tree);
    let mut reader = Reader { text, items, told: Vec::new() };
    let Some(file) = reader.file(tree.clone()) else { return Err(reader.diagnostics()) };
    let mut violations = Vec::new();
    let config = check(&file, text.len(), &mut violations);
    for violation in violations {
        reader.tell_violation(violation);
    }
    if reader.told.is_empty() { Ok(config) } else { Err(reader.diagnostics()) }
}

/// What is not TOML. One mistake often breaks several rules of the grammar, so only the first of a line is told.
fn syntax(text: &str, errors: &[toml::de::Error]) -> Vec<Diagnostic> {
    let mut diagnostics = BTreeMap::new();
    for error in errors.iter().take(MOST) {
        let offset = error.span().map_or(text.len(), |span| span.start);
        let position = Position::at(text, offset);
        let what = format!("not TOML: {}", parser_message(error.message()));
        diagnostics.entry(position.line).or_insert(Diagnostic { position, subject: None, what });
    }
    let more = (errors.len() > MOST).then(|| more(text));
    diagnostics.into_values().chain(more).collect()
}

/// Told at the end of the file when not all is told.
fn more(text: &str) -> Diagnostic {
    let what = format!("there is more: after {MOST} mistakes no more were looked for");
    Diagnostic { position: Position::at(text, text.len()), subject: None, what }
}

/// A mistake told, and what may only follow from it.
struct Told {
    diagnostic: Diagnostic,
    span: Span,
    /// The key that is wrong or was meant, with its tables.
    path: String,
    /// The same key alone.
    key: String,
    /// Where the table is that lacks it now.
    table: Span,
}

struct Reader<'t> {
    text: &'t str,
    items: Items<'t>,
    told: Vec<Told>,
}

impl Reader<'_> {
    /// The file without what is wrong in it; `None` when there is too much of that.
    fn file(&mut self, mut tree: Spanned<DeTable<'_>>) -> Option<File> {
        loop {
            let error = match File::deserialize(Deserializer::from(tree.clone())) {
                Ok(file) => return Some(file),
                Err(error) => error,
            };
            let span = error.span().unwrap_or(0..0);
            self.tell_error(&span, error.message());
            if self.told.len() == MOST || !take_out(tree.get_mut(), &span) {
                return None;
            }
        }
    }

    fn diagnostics(self) -> Vec<Diagnostic> {
        let more = (self.told.len() >= MOST).then(|| more(self.text));
        self.told.into_iter().map(|told| told.diagnostic).chain(more).collect()
    }

    /// Tells what serde says of the item at `span`, if it does not follow from a mistake already told.
    fn tell_error(&mut self, span: &Span, message: &str) {
        let item = self.items.at(span);
        let key = item.map_or("", |item| item.key);
        let header = item.filter(|item| item.is_header).map(|item| item.path.as_str());
        let what = match (SerdeMessage::understood(message, key), header) {
            (SerdeMessage::Missing(key), _) if self.told.iter().any(|told| told.table == *span && told.key == key) => {
                return;
            }
            (SerdeMessage::Missing(key), _) => format!("must have a {key}: add a line {key} = ..."),
            _ if self.told.iter().any(|told| span.start <= told.span.start && told.span.end <= span.end) => return,
            (SerdeMessage::Unknown(known), _) => {
                let kind = if header.is_some() { "table" } else { "key" };
                let meant = nearest(key, &known);
                let what = match meant {
                    Some(meant) => format!("there is no such {kind}; did you mean {meant}?"),
                    None => format!("there is no such {kind}; known here: {}", known.join(", ")),
                };
                return self.tell(span, what, meant);
            }
            (SerdeMessage::Expected("a table"), Some(path)) => {
                format!("is one table: write [{path}], in single brackets")
            }
            (SerdeMessage::Expected("a list"), Some(path)) => {
                format!("may be given several times: write [[{path}]], in double brackets")
            }
            (SerdeMessage::Expected(rule), _) => format!("must be {rule}"),
            (SerdeMessage::Other(what), _) => what.to_owned(),
        };
        self.tell(span, what, None);
    }

    /// Tells of a broken rule, if it does not follow from a mistake already told.
    fn tell_violation(&mut self, violation: Violation) {
        let Violation { span, what, missed } = violation;
        let known = missed.is_some_and(|missed| self.told.iter().any(|told| told.path.starts_with(missed)));
        if !known {
            self.tell(&span, what, None);
        }
    }

    /// Tells something of the item at `span`, if one is there; `meant` is the key that was meant in its place.
    fn tell(&mut self, span: &Span, what: String, meant: Option<&str>) {
        let position = Position::at(self.text, span.start);
        let told = match self.items.at(span) {
            None => {
                let diagnostic = Diagnostic { position, subject: None, what };
                Told { diagnostic, span: span.clone(), path: String::new(), key: String::new(), table: 0..0 }
            }
            Some(item) => {
                let subject = if item.is_header {
                    item.path.clone()
                } else {
                    format!("{} = {}", item.path, abbreviate(&self.text[item.value.clone()]))
                };
                let diagnostic = Diagnostic { position, subject: Some(subject), what };
                let key = meant.unwrap_or(item.key);
                let path = match item.path.rsplit_once('.') {
                    Some((tables, _)) => format!("{tables}.{key}"),
                    None => key.to_owned(),
                };
                Told { diagnostic, span: span.clone(), path, key: key.to_owned(), table: item.table.clone() }
            }
        };
        self.told.push(told);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The findings in `text`, one a line.
    fn diagnostics(text: &str) -> String {
        let diagnostics = read(text).expect_err("there is a violation");
        diagnostics.iter().map(|diagnostic| format!("{diagnostic}\n")).collect()
    }

    #[test]
    fn what_follows_from_a_mistake_is_not_told() {
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
    fn every_mistake_in_an_array_is_told_at_its_place() {
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
            assert!(diagnostics.lines().count() <= MOST + 1);
            assert!(
                diagnostics.ends_with("there is more: after 100 violations no more were looked for\n"),
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
            if let Err(diagnostics) = read(&text) {
                prop_assert!(!diagnostics.is_empty());
                for Diagnostic { position, .. } in diagnostics {
                    let line = text.split('\n').nth(position.line - 1);
                    prop_assert!(line.is_some_and(|line| position.column <= line.chars().count() + 1), "{position}");
                }
            }
        }
    }
}
