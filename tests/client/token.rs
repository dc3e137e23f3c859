//! `fovea token`, and the tokens that the other commands state.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{data, decode, fovea, run, server::Server};

/// A configuration in a folder of its own, gone with this.
struct Board(PathBuf);

impl Board {
    fn new(config: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tokens-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("the target folder can be written");
        fs::write(folder.join("fovea.toml"), config).expect("the target folder can be written");
        Self(folder)
    }

    fn token(&self, args: &[&str]) -> (i32, String, String) {
        let config = self.0.join("fovea.toml");
        run(&[&["token"], args, &["--config", config.to_str().expect("it is readable")]].concat())
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Only tokens make it right.
const OPEN: &str = "server.listen = \"0.0.0.0:8999\"\n[[camera]]\nname = \"door\"\n";

#[test]
fn a_token_is_made_listed_and_revoked() {
    let board = Board::new(OPEN);
    let (code, out, said) = board.token(&["add", "door-cam", "--role", "send", "--camera", "door"]);
    assert_eq!(code, 0, "{said}");
    let secret = out.trim_end();
    assert!(out == format!("{secret}\n") && secret.len() == 58 && secret.starts_with("fovea_"), "{out:?}");
    assert_eq!(
        said,
        "The new token door-cam: send for door. It is shown this once:\n\
         After the reload every client needs a token, on this machine too.\n\
         To apply it: sudo systemctl reload fovea\n"
    );
    let (code, out, said) = board.token(&["add", "tablet", "--role", "send", "--role", "view", "--camera", "attic"]);
    assert_eq!((code, out.lines().count()), (0, 1));
    assert!(said.contains("There is no camera attic in the configuration yet.\n"), "{said}");
    assert!(!said.contains("After the reload every client"), "it is not the first: {said}");

    let file = board.0.join("tokens");
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&file).expect("it is ours").contains(secret), "only its hash is kept");
    let (code, out, _) = board.token(&["list"]);
    let lines: Vec<Vec<_>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((code, &lines[0][..]), (0, &["NAME", "ROLES", "CAMERAS", "MADE"][..]));
    assert_eq!(
        (&lines[1][..3], &lines[2][..3]),
        (&["door-cam", "send", "door"][..], &["tablet", "send,view", "attic"][..])
    );

    let said = board.token(&["revoke", "door-cam"]);
    let end = "At the reload its connections end.\nTo apply it: sudo systemctl reload fovea\n";
    assert_eq!(said, (0, String::new(), format!("The token door-cam is revoked. {end}")));
    let (code, _, said) = board.token(&["revoke", "door-cam"]);
    assert_eq!((code, said.as_str()), (1, "there is no token \"door-cam\"; tokens: tablet\n"));
    let (_, _, said) = board.token(&["revoke", "tablet"]);
    assert!(said.contains("It was the last one. While ") && said.contains("remove it to allow clients"), "{said}");
    let (code, out, said) = board.token(&["list"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(said.starts_with("There are no tokens in "), "{said}");
}

#[test]
fn what_can_be_no_token_is_told_and_nothing_is_made() {
    let board = Board::new(OPEN);
    let name = "\"Door\" cannot be a name: it must be 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit\n";
    assert_eq!(board.token(&["add", "Door", "--role", "view"]), (1, String::new(), name.to_owned()));
    let (code, _, said) = board.token(&["add", "a", "--role", "admin", "--camera", "door"]);
    assert_eq!((code, said.as_str()), (1, "the roles control and admin are for the whole board; leave out --camera\n"));
    assert_eq!(board.token(&["add", "a"]).0, 2, "a role is needed");
    assert_eq!(board.token(&["add", "a", "--role", "watch"]).0, 2);
    assert!(!board.0.join("tokens").exists());

    assert_eq!(board.token(&["add", "a", "--role", "view"]).0, 0);
    let (code, out, said) = board.token(&["add", "a", "--role", "view"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(said.starts_with("there is a token a already"), "{said}");
    let broken = Board::new("[[camera]]\nname = 7\n");
    assert_eq!(broken.token(&["list"]).0, 78);
}

#[test]
fn check_tells_who_may_use_the_ports() {
    let board = Board::new(OPEN);
    let config = board.0.join("fovea.toml");
    let config = config.to_str().expect("it is readable");
    let (code, _, said) = run(&["check", config]);
    assert!(code == 78 && said.contains("make a token (fovea token add)"), "{said}");
    assert_eq!(board.token(&["add", "a", "--role", "view"]).0, 0);
    let sentence = "port 8999 listens on all interfaces without TLS: senders and readers need a token; 1 token exists";
    let (code, out, _) = run(&["check", config]);
    assert_eq!(
        (code, out),
        (0, format!("{config}: good: 1 camera (door), listening on 0.0.0.0:8999\n{config}: {sentence}\n"))
    );

    fs::write(board.0.join("tokens"), "a\n").expect("it is ours");
    let (code, _, said) = run(&["check", config]);
    let line = format!("{}:1: this line has 1 words and needs 5", board.0.join("tokens").display());
    assert!(code == 78 && said.starts_with(&line), "{said}");
    // Mistakes of both files are told at once.
    fs::write(config, "[[camera]]\nname = 7\n").expect("it is ours");
    let (code, _, said) = run(&["check", config]);
    assert_eq!((code, said.lines().count(), said.contains(&line)), (78, 2, true), "{said}");
}

/// What `Authorization` a command states to a server.
fn stated(command: &str, query: &str, args: &[&str], environment: Option<&str>) -> Option<String> {
    let (tell, told) = std::sync::mpsc::channel();
    let server = Server::play(move |mut peer| {
        tell.send(peer.authorization.take()).expect("the test waits");
        peer.close(1001, "over");
    });
    let url = format!("{}/{query}", server.url);
    let picture = data("vtest.avi");
    let all: Vec<_> = match command {
        "send" => [&["send", &url, &picture][..], args].concat(),
        _ => [&["watch", &url, "--json"][..], args].concat(),
    };
    let mut command = fovea(&all);
    command.env_remove("FOVEA_TOKEN").env("RUNTIME_DIRECTORY", "/nonexistent");
    if let Some(token) = environment {
        command.env("FOVEA_TOKEN", token);
    }
    let (code, out, said) = decode(&command.output().expect("it was built"));
    assert!(!out.contains("secret") && !said.contains("secret"), "{code} {out} {said}");
    told.recv().expect("the server had a client")
}

#[test]
fn a_token_comes_from_the_command_line_a_file_the_environment_or_the_url() {
    let folder = Board::new("");
    let file = folder.0.join("token");
    fs::write(&file, "secret1\n").expect("the folder can be written");
    let file = file.to_str().expect("it is readable");
    let bearer = |secret: &str| Some(format!("Bearer {secret}"));
    for command in ["send", "watch"] {
        assert_eq!(stated(command, "", &[], None), None);
        assert_eq!(stated(command, "?token=secret0", &[], None), bearer("secret0"));
        assert_eq!(stated(command, "", &["--token-file", file], Some("secret3")), bearer("secret1"));
        assert_eq!(stated(command, "", &["--token", "secret2"], Some("secret3")), bearer("secret2"));
        assert_eq!(stated(command, "", &[], Some("secret3")), bearer("secret3"));
    }
}

#[test]
fn a_token_that_cannot_be_read_is_told() {
    let (code, _, said) = run(&["watch", "ws://127.0.0.1:9", "--token-file", "/nonexistent/token"]);
    let expected = "cannot read the token in /nonexistent/token: No such file or directory (os error 2)\n";
    assert_eq!((code, said.as_str()), (1, expected));
    let (code, _, said) = run(&["watch", "ws://127.0.0.1:9", "--token", "a b"]);
    assert_eq!((code, said.as_str()), (1, "--token is not a token; a token is like fovea_...\n"));
    assert_eq!(run(&["watch", "ws://127.0.0.1:9", "--token", "a", "--token-file", "b"]).0, 2);
}
