//! `deploy/fovea.toml` is the manual: complete, true, and the same as what holds without it.

use std::collections::BTreeSet;

use fovea::{config::Config, stage::NAMES};
use toml::{Table, Value};

const SAMPLE: &str = include_str!("../deploy/fovea.toml");

#[test]
fn the_sample_is_the_defaults() {
    let sample = Config::parse("deploy/fovea.toml", SAMPLE).unwrap_or_else(|findings| panic!("{findings}"));
    let defaults =
        Config::parse("defaults", "[http]\n[[camera]]\nname = \"door\"\n[camera.motion]").expect("it is good");
    assert_eq!(sample, defaults);
}

#[test]
fn its_examples_are_good() {
    let config = Config::parse("deploy/fovea.toml", &with_examples()).unwrap_or_else(|findings| panic!("{findings}"));
    assert!(config.processors[0].core.is_some(), "the examples are in");
}

/// A stage that is off unless asked for is in the sample as an example, with its defaults.
#[test]
fn the_examples_of_each_stage_are_its_defaults() {
    let sample: Table = with_examples().parse().expect("a test above says it is good");
    let camera = inside(vec![&sample], "camera")[0];
    for name in NAMES {
        let mut keys = camera[*name].as_table().unwrap_or_else(|| panic!("{name} is not in the sample")).clone();
        // Tables in it, such as zones, are none by default.
        keys.retain(|_, value| !value.is_array() && !value.is_table());
        let stages = |keys: Table| {
            let stage = Table::from_iter([("name".to_owned(), "door".into()), ((*name).to_owned(), keys.into())]);
            let mut all = Table::from_iter([("camera".to_owned(), Value::Array(vec![stage.into()]))]);
            all.insert("model".to_owned(), sample["model"].clone()); // what a stage may need
            let text = all.to_string();
            Config::parse("sample", &text).unwrap_or_else(|findings| panic!("{findings}")).cameras.remove(0).stages
        };
        assert_eq!(stages(keys), stages(Table::new()), "{name}");
    }
}

/// A camera that is plugged in cannot be in the sample, as there is none. Its keys are there as examples.
#[cfg(feature = "v4l2")]
#[test]
fn the_examples_of_a_camera_that_is_plugged_in_are_its_defaults() {
    let plugged_in = |text: &str| Config::parse("sample", text).unwrap().cameras.swap_remove(0).v4l2.unwrap();
    let mut sample = plugged_in(&with_examples());
    assert_eq!(std::mem::take(&mut sample.controls).len(), 2);
    let defaults = format!("[[camera]]\nname = \"door\"\nv4l2.device = \"{}\"", sample.device);
    assert_eq!(sample, plugged_in(&defaults));
}

/// A key that is in no table makes the loader list those that are. So each table is asked for its keys, and the sample
/// must have all of them.
#[test]
fn it_has_every_key_of_every_table() {
    let text = with_examples();
    let sample: Table = text.parse().expect("the test above says it is good");
    let mut headers = vec![("", format!("no-such-key = 0\n{text}"))];
    // A camera's controls have what names its maker gave them.
    let has_any_key = |header: &str| header == "[camera.v4l2.controls]";
    for header in text.lines().filter(|line| line.starts_with('[') && !has_any_key(line)) {
        headers.push((header, text.replacen(&format!("\n{header}\n"), &format!("\n{header}\nno-such-key = 0\n"), 1)));
    }
    for (header, text) in headers {
        let path = header.trim_matches(['[', ']']).split('.').filter(|table| !table.is_empty());
        let in_sample =
            path.fold(vec![&sample], inside).into_iter().flat_map(Table::keys).map(String::as_str).collect();
        let findings = Config::parse("sample", &text).expect_err("there is no such key");
        let what = &findings.iter().next().expect("that is told").what;
        let (_, known) = what.split_once("known here: ").unwrap_or_else(|| panic!("{header}: {findings}"));
        assert_eq!(known.split(", ").collect::<BTreeSet<_>>(), in_sample, "{header}");
    }
}

/// The tables called `key` in `tables`.
fn inside<'t>(tables: Vec<&'t Table>, key: &str) -> Vec<&'t Table> {
    let inside = tables.into_iter().filter_map(|table| table.get(key));
    inside
        .flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice))
        .filter_map(Value::as_table)
        .collect()
}

/// The sample with its commented examples in use: what begins with `# [` or `# key = `.
fn with_examples() -> String {
    let is_example = |line: &str| {
        let key = line.split_once(" = ").map(|(key, _)| key);
        line.starts_with('[') && line.ends_with(']')
            || key.is_some_and(|key| key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
    };
    let line = |line: &'static str| line.strip_prefix("# ").filter(|rest| is_example(rest)).unwrap_or(line);
    SAMPLE.lines().map(|text| format!("{}\n", line(text))).collect()
}
