//! The tokens of a board: the text of their file, and who holds a secret.
//!
//! ```text
//! # NAME ROLES CAMERAS HASH MADE
//! door-cam send door sha256:9f86d0... 2026-11-26T08:12:31Z
//! phone view,control * sha256:60303a... 2026-11-26T08:14:02Z
//! ```

use std::fmt;

use jiff::Timestamp;
use subtle::ConstantTimeEq;

use super::{
    role::{Rights, Role},
    secret::{Digest, Secret},
};

/// The most tokens of a board. Each secret that is stated is compared with all of them.
const MAX_TOKENS: usize = 1000;

/// The first lines of the file.
const HEAD: &str = "\
# The tokens of fovea. `fovea token add` and `fovea token revoke` change this file; `systemctl reload fovea` applies it.
# There are only hashes of the secrets in it. While the file exists, clients need a token.
# NAME ROLES CAMERAS HASH MADE
";

/// What stands before a hash, so that another kind can be added.
const HASH: &str = "sha256:";

/// What stands for all cameras.
const ALL_CAMERAS: &str = "*";

/// All tokens, names all different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(Vec<Token>);

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Who holds it: a name like a camera's.
    pub name: String,
    /// What it allows.
    pub rights: Rights,
    /// The hash of its secret.
    pub digest: Digest,
    /// When it was made.
    pub made_at: Timestamp,
}

/// A mistake in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong and what is right.
    pub what: String,
}

/// Why a token is not added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// The name is taken.
    #[error("there is a token {0} already; choose another name, or revoke that one first: fovea token revoke {0}")]
    Exists(String),
    /// There are too many.
    #[error("there are {MAX_TOKENS} tokens, and more are not possible; revoke some of them")]
    Full,
}

impl Tokens {
    /// The tokens in the text of a file.
    ///
    /// # Errors
    /// With all mistakes in it.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let (mut tokens, mut mistakes) = (Self::default(), Vec::new());
        for (index, line) in text.lines().enumerate() {
            let line_text = line.trim();
            if line_text.is_empty() || line_text.starts_with('#') {
                continue;
            }
            if let Err(what) = Token::parse(line_text).and_then(|token| tokens.add(token).map_err(|e| e.to_string())) {
                mistakes.push(Mistake { line: index + 1, what });
            }
            if mistakes.len() >= 100 {
                break;
            }
        }
        if mistakes.is_empty() { Ok(tokens) } else { Err(mistakes) }
    }

    /// Whose secret it is. Takes the same time whichever it is, and if it is nobody's.
    #[must_use]
    pub fn find(&self, secret: &Secret) -> Option<&Token> {
        self.with_digest(&secret.digest())
    }

    /// The token with this hash.
    #[must_use]
    pub fn with_digest(&self, digest: &Digest) -> Option<&Token> {
        // No early end: all are compared.
        self.0
            .iter()
            .fold(None, |found, token| if bool::from(token.digest.ct_eq(digest)) { Some(token) } else { found })
    }

    /// The token of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Token> {
        self.0.iter().find(|token| token.name == name)
    }

    /// Adds one.
    ///
    /// # Errors
    /// If its name is taken, or there are too many.
    pub fn add(&mut self, token: Token) -> Result<(), AddError> {
        if self.named(&token.name).is_some() {
            return Err(AddError::Exists(token.name));
        }
        if self.0.len() >= MAX_TOKENS {
            return Err(AddError::Full);
        }
        self.0.push(token);
        Ok(())
    }

    /// Removes the one of this name; returns whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|token| token.name != name);
        self.0.len() < before
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The text of their file.
impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        self.0.iter().try_for_each(|token| writeln!(f, "{token}"))
    }
}

impl Token {
    fn parse(line: &str) -> Result<Self, String> {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        let [name, roles, cameras, hash, made_at] = fields[..] else {
            return Err(format!(
                "this line has {} words and needs 5: NAME ROLES CAMERAS HASH MADE; make tokens with `fovea token add`",
                fields.len()
            ));
        };
        if !is_name(name) {
            return Err(format!("the name {} must be {NAME_RULE}", cited(name)));
        }
        let role = |role: &str| {
            let rule = || format!("the role {} is none; write {}", cited(role), Role::NAMES.join(", "));
            role.parse::<Role>().map_err(|_| rule())
        };
        let roles = roles.split(',').map(role).collect::<Result<Vec<_>, _>>()?;
        let cameras = (cameras != ALL_CAMERAS).then(|| cameras.split(','));
        if let Some(wrong) = cameras.clone().into_iter().flatten().find(|camera| !is_name(camera)) {
            return Err(format!("the camera {} must be {NAME_RULE}; * stands for all cameras", cited(wrong)));
        }
        let cameras = cameras.map(|cameras| cameras.map(ToOwned::to_owned).collect());
        let digest = hash.strip_prefix(HASH).and_then(Digest::parse).ok_or_else(|| {
            format!("the hash of {name} must be {HASH} and 64 digits of 0-9 and a-f; make the token again")
        })?;
        let made_at =
            made_at.parse().map_err(|_| format!("the time {} must be like 2026-11-26T08:12:31Z", cited(made_at)))?;
        Ok(Self { name: name.to_owned(), rights: Rights::new(roles, cameras), digest, made_at })
    }
}

/// Its line of the file.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, rights, digest, made_at } = self;
        let roles: Vec<_> = rights.roles().iter().map(|role| role.name()).collect();
        let cameras = rights.cameras().map_or_else(|| ALL_CAMERAS.to_owned(), |cameras| cameras.join(","));
        write!(f, "{name} {} {cameras} {HASH}{digest} {made_at}", roles.join(","))
    }
}

/// What the name of a token or of a camera must be.
pub const NAME_RULE: &str = "1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit";

/// Whether a token or a camera may have this name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let letter_or_digit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=32).contains(&text.len())
        && text.starts_with(letter_or_digit)
        && text.chars().all(|c| letter_or_digit(c) || c == '-' || c == '_')
}

/// A word of the file, cut and without what controls a terminal. It may be a secret that was pasted there, so little is shown.
fn cited(word: &str) -> String {
    let mut begin: String = word.chars().take(12).flat_map(char::escape_debug).collect();
    if word.chars().nth(12).is_some() {
        begin.push_str("...");
    }
    format!("\"{begin}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, rights: Rights, secret: &str) -> Token {
        let made_at = "2026-11-26T08:12:31Z".parse().unwrap();
        Token { name: name.into(), rights, digest: Secret::parse(secret).unwrap().digest(), made_at }
    }

    #[test]
    fn tokens_are_read_as_they_are_written() {
        let mut tokens = Tokens::default();
        tokens.add(token("door-cam", Rights::new(vec![Role::Send], Some(vec!["door".into()])), "one")).unwrap();
        tokens.add(token("phone", Rights::new(vec![Role::View, Role::Control], None), "two")).unwrap();
        let text = tokens.to_string();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let hash = Secret::parse("one").unwrap().digest();
        assert_eq!(lines[0], format!("door-cam send door sha256:{hash} 2026-11-26T08:12:31Z"));
        assert!(lines[1].starts_with("phone view,control * sha256:"), "{text}");
        assert_eq!(Tokens::parse(&text), Ok(tokens.clone()));
        assert_eq!(Tokens::parse(&text.replace('\n', "\r\n")), Ok(tokens));
    }

    #[test]
    fn a_secret_has_one_holder_or_none() {
        let mut tokens = Tokens::default();
        for (name, secret) in [("a", "one"), ("b", "two"), ("c", "three")] {
            tokens.add(token(name, Rights::all(), secret)).unwrap();
        }
        let holder = |secret: &str| tokens.find(&Secret::parse(secret).unwrap()).map(|token| token.name.as_str());
        assert_eq!(["one", "two", "three", "on", "four"].map(holder), [Some("a"), Some("b"), Some("c"), None, None]);
        assert!(tokens.remove("b") && !tokens.remove("b"));
        assert_eq!(tokens.iter().map(|token| token.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let hash = Secret::parse("one").unwrap().digest();
        let text = format!(
            "# a comment\n\
             a send\n\
             Door send * sha256:{hash} 2026-11-26T08:12:31Z\n\
             b watch * sha256:{hash} 2026-11-26T08:12:31Z\n\
             c send door,, sha256:{hash} 2026-11-26T08:12:31Z\n\
             d send * fovea_abcdefghijklmnop 2026-11-26T08:12:31Z\n\
             e send * sha256:{hash} yesterday-in-the-evening\n\
             f send * sha256:{hash} 2026-11-26T08:12:31Z\n\
             f view * sha256:{hash} 2026-11-26T08:12:31Z\n"
        );
        let mistakes = Tokens::parse(&text).unwrap_err();
        let mistakes: Vec<_> = mistakes.iter().map(|Mistake { line, what }| format!("{line}: {what}")).collect();
        assert_eq!(
            mistakes,
            [
                "2: this line has 2 words and needs 5: NAME ROLES CAMERAS HASH MADE; make tokens with `fovea token add`",
                "3: the name \"Door\" must be 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit",
                "4: the role \"watch\" is none; write send, view, control, admin",
                "5: the camera \"\" must be 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit; * stands for \
                 all cameras",
                "6: the hash of d must be sha256: and 64 digits of 0-9 and a-f; make the token again",
                "7: the time \"yesterday-in...\" must be like 2026-11-26T08:12:31Z",
                "9: there is a token f already; choose another name, or revoke that one first: fovea token revoke f",
            ]
        );
    }
}
