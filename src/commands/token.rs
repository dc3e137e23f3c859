//! `fovea token`: makes, lists and revokes tokens. It changes the file with the tokens, which the daemon reads at a reload.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{Failure, TokenCommand, TokenRole, print_line};
use crate::{
    access::{
        role::{Rights, Role},
        secret::{NoEntropy, Secret},
        store::{self, TokensError},
        tokens::{AddError, NAME_RULE, Token, Tokens, is_name},
    },
    config::{Config, LoadError},
};

/// What applies a change.
const APPLY: &str = "To apply it: sudo systemctl reload fovea";

/// Why nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file with the tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The token cannot be added.
    #[error(transparent)]
    Add(#[from] AddError),
    /// No secret can be made.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// A name that is none.
    #[error("{0:?} cannot be a name: it must be {NAME_RULE}")]
    Name(String),
    /// Cameras with a role that is of the whole board.
    #[error("the roles control and admin are for the whole board; leave out --camera")]
    CameraForBoard,
    /// There is no such token.
    #[error("there is no token {name:?}; {}", known(.names))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        names: Vec<String>,
    },
}

fn known(names: &[String]) -> String {
    if names.is_empty() { "there are none".to_owned() } else { format!("tokens: {}", names.join(", ")) }
}

/// Does what the command says, and tells what to do next.
///
/// # Errors
/// If the configuration is invalid, or the file with the tokens cannot be read or replaced.
pub fn run(command: &TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Add { name, role, camera, config } => add(name, role, camera, config),
        TokenCommand::List { config } => list(config),
        TokenCommand::Revoke { name, config } => revoke(name, config),
    }
}

fn add(name: &str, roles: &[TokenRole], cameras: &[String], config: &Path) -> Result<(), Failure> {
    let (config, path) = load(config)?;
    let roles: Vec<_> = roles.iter().map(|role| Role::from(*role)).collect();
    if let Some(wrong) = [name].into_iter().chain(cameras.iter().map(String::as_str)).find(|name| !is_name(name)) {
        return Err(TokenError::Name(wrong.to_owned()).into());
    }
    if !cameras.is_empty() && roles.iter().any(|role| matches!(role, Role::Control | Role::Admin)) {
        return Err(TokenError::CameraForBoard.into());
    }
    let rights = Rights::new(roles, (!cameras.is_empty()).then(|| cameras.to_vec()));
    let secret = Secret::random().map_err(TokenError::from)?;
    let token = Token { name: name.to_owned(), rights, digest: secret.digest(), made_at: Timestamp::now() };
    let what = format!("{name}: {}", token.rights);
    let mut is_first = false;
    store::change(&path, |tokens| {
        is_first = tokens.is_empty();
        Ok::<_, TokenError>(tokens.add(token)?)
    })?;

    say(&format!("The new token {what}. It is shown this once:"))?;
    print_line(secret.expose())?;
    for unknown in cameras.iter().filter(|name| config.cameras.iter().all(|camera| camera.name != **name)) {
        say(&format!("There is no camera {unknown} in the configuration yet."))?;
    }
    if is_first && !config.server.allow_anonymous {
        say("After the reload every client needs a token, on this machine too.")?;
    }
    say(APPLY)
}

fn list(config: &Path) -> Result<(), Failure> {
    let (_, path) = load(config)?;
    let tokens = store::load(&path)?;
    let Some(tokens) = tokens.filter(|tokens| !tokens.is_empty()) else {
        return say(&format!("There are no tokens in {}.", path.display()));
    };
    let row = |token: &Token| {
        let roles: Vec<_> = token.rights.roles().iter().map(|role| role.name()).collect();
        let cameras = token.rights.cameras().map_or_else(|| "all".to_owned(), |cameras| cameras.join(","));
        [token.name.clone(), roles.join(","), cameras, token.made_at.strftime("%Y-%m-%d").to_string()]
    };
    let head = ["NAME", "ROLES", "CAMERAS", "MADE"].map(ToOwned::to_owned);
    let rows: Vec<_> = [head].into_iter().chain(tokens.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let [names, roles, cameras] = [width(0), width(1), width(2)];
    for [name, role, camera, made] in &rows {
        print_line(format_args!("{name:names$}  {role:roles$}  {camera:cameras$}  {made}"))?;
    }
    Ok(())
}

fn revoke(name: &str, config: &Path) -> Result<(), Failure> {
    let (_, path) = load(config)?;
    let mut is_last = false;
    store::change(&path, |tokens| {
        if !tokens.remove(name) {
            return Err(TokenError::Unknown { name: name.to_owned(), names: names(tokens) });
        }
        is_last = tokens.is_empty();
        Ok(())
    })?;
    say(&format!("The token {name} is revoked. At the reload its connections end."))?;
    if is_last {
        let path = path.display();
        say(&format!(
            "It was the last one. While {path} exists, clients need a token; remove it to allow clients without one."
        ))?;
    }
    say(APPLY)
}

/// The configuration, and where its tokens are. It may be one that only tokens make right.
fn load(config: &Path) -> Result<(Config, PathBuf), Failure> {
    let loaded = Config::load_without_tokens(config).map_err(|error: LoadError| Failure::of_config(error))?;
    let path = loaded.tokens_path(config);
    Ok((loaded, path))
}

fn names(tokens: &Tokens) -> Vec<String> {
    tokens.iter().map(|token| token.name.clone()).collect()
}

/// Writes a line for people to standard error: standard output has what a program reads.
fn say(line: &str) -> Result<(), Failure> {
    match writeln!(io::stderr(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

impl From<TokenRole> for Role {
    fn from(role: TokenRole) -> Self {
        match role {
            TokenRole::Send => Self::Send,
            TokenRole::View => Self::View,
            TokenRole::Control => Self::Control,
            TokenRole::Admin => Self::Admin,
        }
    }
}
