//! Who may do what, by what a request carries.

use super::{
    role::{Role, Scope},
    *,
};

const NETWORK: &str = "192.0.2.7:1000";
const LOOPBACK: &str = "127.0.0.1:1000";

fn tokens(tokens: &[(&str, Role, Option<&str>)]) -> Option<Arc<Tokens>> {
    let mut all = Tokens::default();
    for (name, role, camera) in tokens {
        let rights = Rights::new(vec![*role], camera.map(|camera| vec![camera.to_owned()]));
        let digest = Secret::parse(name).unwrap().digest();
        all.add(Token { name: (*name).to_owned(), rights, digest, made_at: Timestamp::UNIX_EPOCH }).unwrap();
    }
    Some(Arc::new(all))
}

fn access(tokens: Option<Arc<Tokens>>, allow_anonymous: bool) -> Access {
    Access::new(Policy { tokens, allow_anonymous: [allow_anonymous; Port::COUNT] })
}

fn send(camera: &str) -> Need {
    Need::role(Role::Send, Scope::Camera(camera.to_owned()))
}

fn view() -> Need {
    Need::role(Role::View, Scope::Board)
}

/// The secret of each token of these tests is its name.
fn check(access: &Access, peer: &str, secrets: &[&str], need: Need) -> Result<String, Denied> {
    let secrets = secrets.iter().map(|secret| Secret::parse(secret).unwrap()).collect();
    let carried = Credentials { secrets, session: None };
    access.check(Port::Http, peer.parse().unwrap(), &carried, need).map(|grant| grant.token().unwrap_or("-").to_owned())
}

fn ok(token: &str) -> Result<String, Denied> {
    Ok(token.to_owned())
}

#[test]
fn without_a_file_everything_is_as_it_was_before_there_were_tokens() {
    let access = access(None, false);
    let control = Need::role(Role::Control, Scope::Board);
    assert_eq!(check(&access, LOOPBACK, &[], control.clone()), ok("-"));
    assert_eq!(check(&access, "[::ffff:127.0.0.1]:1", &["a-proxys-login"], control.clone()), ok("-"));
    assert_eq!(check(&access, NETWORK, &[], view()), ok("-"));
    assert_eq!(check(&access, NETWORK, &[], control), Err(Denied::NoToken));
}

#[test]
fn with_a_file_everybody_needs_a_token_that_reaches() {
    let access = access(tokens(&[("cam", Role::Send, Some("door")), ("owner", Role::Admin, None)]), false);
    for peer in [LOOPBACK, NETWORK] {
        assert_eq!(check(&access, peer, &[], view()), Err(Denied::NoToken));
        assert_eq!(check(&access, peer, &["wrong"], view()), Err(Denied::WrongToken));
        assert_eq!(check(&access, peer, &["owner"], view()), ok("owner"));
        assert_eq!(check(&access, peer, &["cam"], send("door")), ok("cam"));
        let denied = check(&access, peer, &["cam"], send("yard")).unwrap_err();
        let said = "The token cam allows: send for door. This needs the role send for the camera yard.";
        assert_eq!((denied.status().as_u16(), denied.to_string().as_str()), (403, said));
    }
    assert_eq!(check(&access, NETWORK, &["wrong", "cam", "owner"], view()), ok("owner"), "of several, one is enough");
    let none_left = self::access(tokens(&[]), false);
    assert_eq!(check(&none_left, LOOPBACK, &[], view()), Err(Denied::NoToken), "the last one was revoked");
}

#[test]
fn what_anonymous_clients_may_is_open_to_all_and_the_rest_to_tokens() {
    let access = access(tokens(&[("cam", Role::Send, Some("door")), ("owner", Role::Control, None)]), true);
    let control = || Need::role(Role::Control, Scope::Board);
    assert_eq!(check(&access, NETWORK, &[], view()), ok("-"));
    assert_eq!(check(&access, NETWORK, &["a-proxys-login"], send("yard")), ok("-"));
    assert_eq!(check(&access, NETWORK, &["cam"], send("yard")), ok("-"), "a token takes nothing away");
    assert_eq!(check(&access, NETWORK, &[], control()), Err(Denied::NoToken));
    assert_eq!(check(&access, NETWORK, &["owner"], control()), ok("owner"));
}

#[test]
fn who_tries_has_to_wait_and_a_right_token_does_not() {
    let access = access(tokens(&[("owner", Role::Admin, None)]), false);
    let attempts: Vec<_> =
        (0..12).map(|n| check(&access, NETWORK, &[&format!("try{n}")], view()).unwrap_err()).collect();
    assert!(attempts[..10].iter().all(|denied| *denied == Denied::WrongToken), "{attempts:?}");
    for denied in &attempts[10..] {
        assert_eq!(
            (denied.status().as_u16(), denied.retry_after().is_some_and(|s| (1..=10).contains(&s))),
            (429, true)
        );
    }
    assert_eq!(check(&access, NETWORK, &["owner"], view()), ok("owner"));
    assert_eq!(check(&access, NETWORK, &[], view()), Err(Denied::NoToken), "that is no attempt");
    let counts: Vec<_> = access.denied().filter(|(port, ..)| *port == "http").map(|(_, cause, n)| (cause, n)).collect();
    assert_eq!(counts, [("no_token", 1), ("wrong_token", 10), ("too_many_failures", 2), ("forbidden", 0)]);
}

#[test]
fn a_reload_ends_what_it_takes_away() {
    let with = |all: &[_], allow| Policy { tokens: tokens(all), allow_anonymous: [allow; Port::COUNT] };
    let both = [("cam", Role::Send, Some("door")), ("owner", Role::Admin, None)];
    let access = Access::new(with(&both, true));
    let grant = |secret: &str, need: Need| {
        let carried = Credentials::of_secret(Secret::parse(secret).unwrap());
        access.check(Port::Websocket, NETWORK.parse().unwrap(), &carried, need).unwrap()
    };
    let grants = [grant("cam", send("door")), grant("owner", view()), grant("nobody", view())];
    let hold = || grants.each_ref().map(|grant| access.holds(grant));
    assert_eq!(hold(), [true; 3]);
    access.reconfigure(with(&both, false));
    assert_eq!(hold(), [true, true, false]);
    access.reconfigure(with(&both[1..], false));
    assert_eq!(hold(), [false, true, false]);
    access.reconfigure(with(&[("cam", Role::Send, Some("yard")), ("owner", Role::Send, None)], false));
    assert_eq!(hold(), [false; 3], "the tokens are the same, and allow less");
    access.reconfigure(Policy { tokens: None, allow_anonymous: [true; Port::COUNT] });
    assert_eq!(hold(), [true; 3]);
}

#[test]
fn a_login_lasts_until_its_token_is_revoked() {
    let all = [("phone", Role::View, None), ("owner", Role::Admin, None)];
    let access = access(tokens(&all), false);
    let peer = NETWORK.parse().unwrap();
    let carried = Credentials::of_secret(Secret::parse("phone").unwrap());
    let grant = access.check(Port::Http, peer, &carried, view()).unwrap();
    let session = Some(access.session(&grant, Timestamp::now()).unwrap());
    let carried = Credentials { secrets: Vec::new(), session };
    assert_eq!(access.check(Port::Http, peer, &carried, view()).unwrap().token(), Some("phone"));
    let admin = Need::role(Role::Admin, Scope::Board);
    assert!(matches!(access.check(Port::Http, peer, &carried, admin), Err(Denied::Forbidden { .. })));
    access.reconfigure(Policy { tokens: tokens(&all[1..]), allow_anonymous: [false; Port::COUNT] });
    assert_eq!(access.check(Port::Http, peer, &carried, view()).unwrap_err(), Denied::NoToken);
}

#[test]
fn the_local_token_is_for_this_machine_alone() {
    let local = Token {
        name: local::NAME.to_owned(),
        rights: Rights::all(),
        digest: Secret::parse("local").unwrap().digest(),
        made_at: Timestamp::UNIX_EPOCH,
    };
    let access = Access { local: Some(local), ..access(tokens(&[]), false) };
    assert_eq!(check(&access, LOOPBACK, &["local"], view()), ok("~local"));
    assert_eq!(check(&access, "[::1]:1", &["local"], view()), ok("~local"));
    assert_eq!(check(&access, NETWORK, &["local"], view()), Err(Denied::WrongToken));
}
