//! Replays, through every target, its seeds, whatever failed once, and a fixed number of mutations of both.

use std::{
    collections::BTreeSet,
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
};

use proptest::{
    collection::vec,
    prelude::*,
    sample::Index,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};

/// Mutated inputs for each target.
const MUTATIONS: u32 = 2000;

/// The longest mutated input. Longer ones take long where the code is not optimised.
const MAX_BYTES: usize = 4 << 10;

type Target = fn(&[u8]);

macro_rules! replay {
    ($($target:ident)*) => {
        /// The names of all targets.
        const NAMES: &[&str] = &[$(stringify!($target)),*];

        $(
            #[test]
            fn $target() {
                replay(stringify!($target), super::$target);
            }
        )*
    };
}
replay! {
    config control credentials decode handshake header image_header luma_dc manifest onnx outputs receiver recording stream
    tokens url watch
}

/// One change of an input.
#[derive(Clone, Copy, Debug)]
enum Change {
    Set(u8),
    Insert(u8),
    Remove,
    /// Cuts off what follows, and goes on with another input.
    Cross,
}

fn replay(name: &str, target: Target) {
    let inputs = inputs(name);
    assert!(inputs.len() > 3, "seeds are missing");
    for (path, input) in &inputs {
        let result = panic::catch_unwind(|| target(input));
        assert!(result.is_ok(), "{name} fails on {}", path.display());
    }
    let inputs: Vec<_> = inputs.into_iter().map(|(_, input)| input).filter(|input| input.len() <= MAX_BYTES).collect();
    let change = prop_oneof![
        3 => any::<u8>().prop_map(Change::Set),
        1 => any::<u8>().prop_map(Change::Insert),
        1 => Just(Change::Remove),
        1 => Just(Change::Cross),
    ];
    let changes = vec((any::<Index>(), change), 1..8);
    let config = ProptestConfig { cases: MUTATIONS, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let result = runner.run(&(any::<[Index; 2]>(), changes), |([from, other], changes)| {
        target(&mutated(&inputs, [from, other], &changes));
        Ok(())
    });
    if let Err(TestError::Fail(reason, ([from, other], changes))) = result {
        let input = mutated(&inputs, [from, other], &changes);
        panic!(
            "{name} fails: {reason}\nTo keep the input: printf '{}' >tests/fuzz/regressions/{name}/NAME",
            printf(&input)
        );
    }
    result.expect("no input is rejected");
}

fn mutated(inputs: &[Vec<u8>], [from, other]: [Index; 2], changes: &[(Index, Change)]) -> Vec<u8> {
    let (mut input, other) = (from.get(inputs).clone(), other.get(inputs));
    for (at, change) in changes {
        let at = at.index(input.len() + 1);
        match (change, input.get_mut(at)) {
            (Change::Set(byte), Some(old)) => *old = *byte,
            (Change::Set(byte) | Change::Insert(byte), _) => input.insert(at, *byte),
            (Change::Remove, Some(_)) => drop(input.remove(at)),
            (Change::Remove, None) => {}
            (Change::Cross, _) => {
                input.truncate(at);
                input.extend(&other[at.min(other.len())..]);
            }
        }
    }
    input
}

/// The bytes as the shell's `printf` reads them.
fn printf(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:03o}")).collect()
}

/// The seeds of a target and its inputs that failed once.
fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let fuzz = Path::new("tests/fuzz");
    let mut inputs = Vec::new();
    for folder in [fuzz.join("seeds").join(target), fuzz.join("regressions").join(target)] {
        if folder.is_dir() {
            add_files(&folder, &mut inputs);
        }
    }
    inputs.sort(); // in the same order on every machine
    inputs
}

/// Adds all files in a folder and the folders in it. Most are links to what other tests read, too.
fn add_files(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("it can be listed") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            add_files(&path, files);
        } else {
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            files.push((path, bytes));
        }
    }
}

#[test]
fn every_target_is_a_program_and_has_the_folders_of_no_other() {
    let manifest = fs::read_to_string("tests/fuzz/Cargo.toml").expect("it is there");
    let manifest: toml::Table = manifest.parse().expect("it is TOML");
    let programs = manifest["bin"].as_array().expect("there are some").iter().map(|bin| bin["name"].as_str().unwrap());
    assert_eq!(programs.collect::<BTreeSet<_>>(), NAMES.iter().copied().collect());
    for kind in ["seeds", "regressions"] {
        let folder = fs::read_dir(Path::new("tests/fuzz").join(kind)).expect("it is there");
        for entry in folder.map(|entry| entry.expect("it can be listed").file_name()) {
            assert!(NAMES.iter().any(|name| entry.as_os_str() == *name), "{kind}/{entry:?} is of no target");
        }
    }
}

/// What keeps the tests above from passing whatever happens.
#[test]
fn a_target_that_panics_fails() {
    let fails = |target: Target| {
        let text = panic::catch_unwind(AssertUnwindSafe(|| replay("url", target))).err()?;
        text.downcast_ref::<String>().cloned()
    };
    let seed = fails(|input| assert_ne!(input, b"ws://eye"));
    let mutation = fails(|input| assert!(input.is_ascii())).expect("the seeds are, and not what is made of them");
    assert_eq!(seed.as_deref(), Some("url fails on tests/fuzz/seeds/url/short"));
    assert!(mutation.contains("To keep the input: printf '"), "{mutation}");
}
