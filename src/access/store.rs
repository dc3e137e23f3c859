//! The file with the tokens: read with its mode checked, replaced at once or not at all.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, User};

use super::tokens::{Mistake, Tokens};

/// The largest file that is read.
const MAX_BYTES: u64 = 1024 * 1024;

/// The user that the service runs as.
const SERVICE_USER: &str = "fovea";

/// Why there are no tokens to be had from a file.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It cannot be read.
    #[error("cannot read the tokens in {0}{advice}", advice = advice(.1))]
    Unreadable(PathBuf, #[source] io::Error),
    /// Other users can read it.
    #[error("{path}: other users can read this file (mode {mode:04o}); run: chmod 600 {path}", path = .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// More than the file can be.
    #[error("{0} is larger than 1 MiB: it cannot be a file of tokens")]
    TooLarge(PathBuf),
    /// Its text is no text.
    #[error("{0} is not UTF-8 text")]
    NotText(PathBuf),
    /// Its lines have mistakes.
    #[error("{}", Lines(.0, .1))]
    Mistakes(PathBuf, Vec<Mistake>),
    /// It cannot be replaced.
    #[error("cannot write {0}")]
    Unwritable(PathBuf, #[source] io::Error),
}

fn advice(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied { ", which only its owner and root may read" } else { "" }
}

/// `FILE:LINE: what`, a line for each mistake.
struct Lines<'a>(&'a Path, &'a [Mistake]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Mistake { line, what }) in self.1.iter().enumerate() {
            let newline = if n == 0 { "" } else { "\n" };
            write!(f, "{newline}{}:{line}: {what}", self.0.display())?;
        }
        Ok(())
    }
}

impl TokensError {
    /// Whether it is only this user who may not read the file.
    #[must_use]
    pub fn is_permission_denied(&self) -> bool {
        matches!(self, Self::Unreadable(_, error) if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The tokens in the file at `path`; `None` if there is no such file.
///
/// # Errors
/// If it cannot be read, other users can read it, or it has mistakes.
pub fn load(path: &Path) -> Result<Option<Tokens>, TokensError> {
    read(path, Secrecy::Checked)
}

/// The tokens in a credential of systemd, which sees to its secrecy in ways that its mode does not show.
///
/// # Errors
/// If it cannot be read or has mistakes.
pub fn load_credential(path: &Path) -> Result<Option<Tokens>, TokensError> {
    read(path, Secrecy::Systemd)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    Checked,
    Systemd,
}

fn read(path: &Path, secrecy: Secrecy) -> Result<Option<Tokens>, TokensError> {
    let unreadable = |error| TokensError::Unreadable(path.to_owned(), error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if secrecy == Secrecy::Checked && mode & 0o077 != 0 {
        return Err(TokensError::Exposed { path: path.to_owned(), mode });
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(TokensError::TooLarge(path.to_owned()));
    }
    let text = str::from_utf8(&bytes).map_err(|_| TokensError::NotText(path.to_owned()))?;
    Tokens::parse(text).map(Some).map_err(|mistakes| TokensError::Mistakes(path.to_owned(), mistakes))
}

/// Changes the tokens in the file at `path`; without the file, `change` begins with none. Whoever reads the file meanwhile
/// finds the old tokens or the new ones. A second change waits for the first.
///
/// The file keeps its owner. A new one belongs to the user of the service if root makes it: the daemon must read it.
///
/// # Errors
/// If the file cannot be read or replaced, or with the error of `change`.
pub fn change<E: From<TokensError>>(path: &Path, change: impl FnOnce(&mut Tokens) -> Result<(), E>) -> Result<(), E> {
    // The file itself, if that is a link to it.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritable = |error| TokensError::Unwritable(path.clone(), error);
    let lock = File::open(folder).and_then(|folder| folder.lock().map(|()| folder)).map_err(unwritable)?;
    let mut tokens = load(path)?.unwrap_or_default();
    change(&mut tokens)?;
    replace(path, &tokens.to_string(), &lock).map_err(unwritable)?;
    Ok(())
}

fn replace(path: &Path, text: &str, folder: &File) -> io::Result<()> {
    let new = path.with_added_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // one that was left behind
    }
    let written = write(&new, text, owner(path)).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new); // the error that matters is the first
    }
    written.and_then(|()| folder.sync_all())
}

fn write(path: &Path, text: &str, owner: Option<(u32, u32)>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    if let Some((user, group)) = owner {
        fchown(&file, Some(user), Some(group))?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// To whom the file is to belong, if not to this user.
fn owner(path: &Path) -> Option<(u32, u32)> {
    if !Uid::effective().is_root() {
        return None;
    }
    match fs::metadata(path) {
        Ok(file) => Some((file.uid(), file.gid())),
        Err(_) => User::from_name(SERVICE_USER).ok().flatten().map(|user| (user.uid.as_raw(), user.gid.as_raw())),
    }
}

#[cfg(test)]
mod tests {
    use std::env::temp_dir;

    use super::*;
    use crate::access::{
        role::Rights,
        secret::Secret,
        tokens::{AddError, Token},
    };

    #[derive(Debug, thiserror::Error)]
    enum Failure {
        #[error(transparent)]
        Tokens(#[from] TokensError),
        #[error(transparent)]
        Add(#[from] AddError),
    }

    fn add(path: &Path, name: &str) -> Result<(), Failure> {
        let digest = Secret::random().unwrap().digest();
        let token = Token { name: name.into(), rights: Rights::all(), digest, made_at: jiff::Timestamp::now() };
        change(path, |tokens| Ok(tokens.add(token)?))
    }

    /// A folder of its own, gone with this.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = temp_dir().join(format!("fovea-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_stays_private() {
        let folder = Folder::new("tokens");
        let (path, link) = (folder.0.join("tokens"), folder.0.join("link"));
        assert_eq!(load(&path).unwrap(), None);
        std::os::unix::fs::symlink(&path, &link).unwrap();
        fs::write(folder.0.join("tokens.new"), "left behind").unwrap();
        add(&path, "a").unwrap();
        add(&link, "b").unwrap();
        let names = |tokens: Tokens| tokens.iter().map(|token| token.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(load(&path).unwrap().unwrap()), ["a", "b"]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2, "nothing is left behind");

        let before = fs::read(&path).unwrap();
        let error = add(&path, "a").unwrap_err().to_string();
        assert!(error.starts_with("there is a token a already; choose another name"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn changes_at_one_time_are_all_made() {
        let folder = Folder::new("tokens-at-once");
        let path = folder.0.join("tokens");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let path = &path;
                scope.spawn(move || add(path, &format!("t{n}")).unwrap());
            }
        });
        assert_eq!(load(&path).unwrap().unwrap().len(), 8);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_what_to_do() {
        let folder = Folder::new("tokens-exposed");
        let path = folder.0.join("tokens");
        for mode in [0o640, 0o604, 0o620] {
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = load(&path).unwrap_err().to_string();
            let path = path.display();
            assert_eq!(
                error,
                format!("{path}: other users can read this file (mode {mode:04o}); run: chmod 600 {path}")
            );
        }
        assert_eq!(load_credential(&path).unwrap(), Some(Tokens::default()));
    }

    #[test]
    fn what_is_no_file_of_tokens_is_told() {
        let folder = Folder::new("tokens-wrong");
        let path = folder.0.join("tokens");
        let error = |bytes: &[u8]| {
            let _ = fs::remove_file(&path);
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap().write_all(bytes).unwrap();
            load(&path).unwrap_err().to_string().replace(&path.display().to_string(), "tokens")
        };
        assert_eq!(error(b"\xff"), "tokens is not UTF-8 text");
        assert_eq!(error(&[b'\n'; 1024 * 1024 + 1]), "tokens is larger than 1 MiB: it cannot be a file of tokens");
        let lines = error(b"a\n\nb c\n");
        assert!(lines.starts_with("tokens:1: this line has 1 words") && lines.contains("\ntokens:3: this"), "{lines}");
        let unreadable = load(&folder.0).unwrap_err();
        assert!(matches!(unreadable, TokensError::Exposed { .. } | TokensError::Unreadable(..)), "{unreadable}");
    }
}
