//! Texts with placeholders for what an event says, such as `{camera}: {kind}`.

use std::fmt::Write;

use strum::{EnumString, IntoStaticStr, VariantArray};

/// What stands in place of a name in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Placeholder {
    /// When it was seen.
    At,
    /// The name of this machine.
    Board,
    /// The camera's name.
    Camera,
    /// How many crossed the line in this direction by then; empty if it is about no line.
    Count,
    /// What the direction over the line is called; empty if it is about no line.
    Direction,
    /// How many seconds the track was in the zone; empty if the event does not say so.
    DwellS,
    /// The event's id.
    Id,
    /// What happens.
    Kind,
    /// What it is about, such as `person`; empty if that is not known.
    Label,
    /// By how many milliseconds it comes late; empty if it is not late.
    LateMs,
    /// The line that a track crossed; empty if it is about no line.
    Line,
    /// Why; empty if it has no reason.
    Reason,
    /// How sure the label is, 0 to 1; empty if it has no label.
    Score,
    /// Whether it starts, goes on or ends.
    State,
    /// The number of the track; empty if it is about no track.
    Track,
    /// The zone; empty if it is in none.
    Zone,
}

/// A text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Placeholder),
}

impl Template {
    /// Reads a text. `{{` and `}}` stand for braces. `None` if a brace is alone or the name in it is unknown.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (mut pieces, mut plain) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let (name, after) = after.split_once('}').filter(|_| brace == "{")?;
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(Piece::Value(name.parse().ok()?));
            rest = after;
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Some(Self(pieces))
    }

    /// The text with values in place of the placeholders.
    pub fn render(&self, value: impl Fn(Placeholder) -> String) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            // Writing to a String cannot fail.
            let _ = match piece {
                Piece::Text(plain) => text.write_str(plain),
                Piece::Value(placeholder) => text.write_str(&value(*placeholder)),
            };
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_and_everything_else_stays() {
        let render =
            |text: &str| Template::parse(text).map(|one| one.render(|what| format!("<{}>", <&str>::from(what))));
        assert_eq!(render("").as_deref(), Some(""));
        assert_eq!(render("{camera}: {kind}{late_ms}!").as_deref(), Some("<camera>: <kind><late_ms>!"));
        assert_eq!(render("{{camera}} ä {{{zone}}}").as_deref(), Some("{camera} ä {<zone>}"));
        for wrong in ["{", "}", "{camera", "camera}", "{ camera }", "{Camera}", "{}", "{nothing}", "{{camera}"] {
            assert_eq!(render(wrong), None, "{wrong}");
        }
        assert!(
            Placeholder::VARIANTS.iter().all(|one| Template::parse(&format!("{{{}}}", <&str>::from(one))).is_some())
        );
    }
}
