//! Translates the messages of the parser and of serde, which are plain text, to those that users read.

/// A message of serde about a value or a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SerdeMessage<'m> {
    /// The table lacks this key.
    Missing(&'m str),
    /// The table has no such key; it has these.
    Unknown(Vec<&'m str>),
    /// The value must be this, and is something else.
    Expected(&'m str),
    /// Any other message, as it is.
    Other(&'m str),
}

impl<'m> SerdeMessage<'m> {
    /// Parses `message`. If it is about a key that exists, that is `key`.
    pub(super) fn parse(message: &'m str, key: &str) -> Self {
        // missing field `name`
        if let Some(key) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            return Self::Missing(key);
        }
        // unknown field `nmae`, expected `name` or `motion`
        if let Some(known) = message.strip_prefix(&format!("unknown field `{key}`, ")) {
            return Self::Unknown(known.split('`').skip(1).step_by(2).collect());
        }
        // invalid type: string "5s", expected a whole number from 1 to 9
        match message.rsplit_once(", expected ") {
            Some((_, "a boolean")) => Self::Expected("true or false"),
            Some((_, "a sequence")) => Self::Expected("a list"),
            Some((_, "a map")) => Self::Expected("a table"),
            Some((_, rule)) => Self::Expected(rule),
            None => Self::Other(message),
        }
    }
}

/// The message for text that is not TOML.
pub(super) fn parser_message(message: &str) -> String {
    const BARE_WORD: &str = "text must be in quotes: \"...\"";
    match message.split_once(", expected ") {
        Some(("string values must be quoted", _)) => BARE_WORD.to_owned(),
        // it may be a bare word that begins like a number: 127.0.0.1, info (as in inf)
        Some((wrong @ ("invalid float" | "invalid boolean" | "invalid integer"), _)) => format!("{wrong}; {BARE_WORD}"),
        Some((wrong, "nothing")) => wrong.to_owned(),
        _ => message.to_owned(),
    }
}

/// The known key that `key` was probably meant to be.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |known: &str| strsim::damerau_levenshtein(key, known);
    let nearest = known.iter().copied().min_by_key(|known| distance(known))?;
    if distance(nearest) * 3 <= nearest.len() {
        return Some(nearest);
    }
    // `hold` for `hold_ms`: the unit is missing
    let mut longer = known.iter().filter(|known| known.strip_prefix(key).is_some_and(|unit| unit.starts_with('_')));
    longer.next().filter(|_| longer.next().is_none()).copied()
}

/// The first line of a value, cut after 40 characters.
pub(super) fn abbreviate(value: &str) -> String {
    const LONGEST: usize = 40;
    let line = value.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None if line.len() < value.trim_end().len() => format!("{line}..."),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_key_is_offered_for_one_much_like_it() {
        let known = ["listen", "max_clients", "max_pixels", "idle_timeout_ms", "hold_ms", "name"];
        for (key, meant) in [("lisen", "listen"), ("maxclients", "max_clients"), ("hold", "hold_ms"), ("nmae", "name")]
        {
            assert_eq!(nearest(key, &known), Some(meant), "{key}");
        }
        for key in ["max", "timeout", "", "na"] {
            assert_eq!(nearest(key, &known), None, "{key}");
        }
    }

    #[test]
    fn a_message_is_parsed_whatever_text_it_cites() {
        let unknown = "unknown field `a`, expected `b`, `, expected `c` or `d`";
        assert_eq!(SerdeMessage::parse(unknown, "a`, expected `b`, "), SerdeMessage::Unknown(vec!["c", "d"]));
        let expected = "invalid value: string \"x, expected y\", expected an address";
        assert_eq!(SerdeMessage::parse(expected, "listen"), SerdeMessage::Expected("an address"));
    }

    #[test]
    fn a_long_value_is_cut_and_stays_on_its_line() {
        assert_eq!(abbreviate("\"ü\""), "\"ü\"");
        assert_eq!(abbreviate("[1,\n2]"), "[1,...");
        assert_eq!(abbreviate(&"ü".repeat(41)), format!("{}...", "ü".repeat(40)));
    }
}
