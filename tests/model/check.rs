//! `fovea model check` of good networks, and of tables for them.

use std::process::Command;

use super::{folder, model, onnx, quarters, write};

#[test]
fn a_good_network_is_described_with_a_table_for_it() {
    let folder = folder("good");
    write(&folder, "Quarters 2.onnx", &quarters().file());
    let (code, out, error) = model(&folder, &["check", "Quarters 2.onnx"]);
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
    for line in [
        "Quarters 2.onnx: good",
        "network   1 operators, 5383 weights",
        "input     picture 1x3x32x32: a picture of 32x32, nchw, bgr, stretch",
        "output    map 1x7x2x2",
        "decoder   fastestdet, 2 classes",
        "engine    rten (built in)",
    ] {
        assert!(out.contains(line), "{line:?} is missing:\n{out}");
    }
    let (_, table) = out.split_once("[model.quarters-2]\n").unwrap_or_else(|| panic!("{out}"));
    assert!(table.starts_with("file = \"Quarters 2.onnx\"\nsha256 = \""), "{table}");

    // The table as it is printed is a manifest, and its hash is right.
    write(&folder, "quarters.toml", table.replace("\"...\"", "\"mark\", \"other\"").as_bytes());
    let (code, out, error) = model(&folder, &["check", "--manifest", "quarters.toml"]);
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
    assert!(!out.contains("[model."), "it has a table already: {out}");
}

#[test]
fn another_file_than_that_of_the_table_is_refused() {
    let folder = folder("another");
    let hash = "0".repeat(64);
    write(&folder, "quarters.onnx", &quarters().file());
    write(
        &folder,
        "fovea.toml",
        format!("[model.q]\nfile = \"quarters.onnx\"\nsha256 = \"{hash}\"\n[[camera]]\nname = \"a\"\n").as_bytes(),
    );
    let (code, out, error) = model(&folder, &["check", "--model", "q", "--config", "fovea.toml"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.starts_with("the model quarters.onnx is another file: its SHA-256 is "), "{error}");
    assert!(error.contains(&format!("the configuration says {hash}")), "{error}");

    let (code, _, error) = model(&folder, &["check", "--model", "people", "--config", "fovea.toml"]);
    assert_eq!((code, error.as_str()), (1, "there is no table [model.people] in fovea.toml; it has: q\n"));
}

#[test]
fn mistakes_in_a_manifest_are_told_with_their_places() {
    let folder = folder("mistakes");
    write(&folder, "m.toml", b"fiel = \"a.onnx\"\ndecoder = \"yolo\"\n[input]\nscale = [1, 2]\nfit = \"crop\"\n");
    let (code, _, error) = model(&folder, &["check", "--manifest", "m.toml"]);
    let expected = "m.toml:1:1: fiel = \"a.onnx\": there is no such key; did you mean file?\n\
                    m.toml:2:11: decoder = \"yolo\": must be \"fastestdet\", \"yolox\", \"yolov8\", \"nanodet\", \"ssd\", \
                    \"classes\" or \"yunet\"\n\
                    m.toml:4:9: input.scale = [1, 2]: must be a number from -1000 to 1000, or three of them, one for each colour\n\
                    m.toml:5:7: input.fit = \"crop\": must be \"center\", \"top_left\" or \"stretch\"\n";
    assert_eq!((code, error.as_str()), (78, expected));
}

#[test]
fn a_table_that_does_not_fit_to_its_file_is_told_with_what_would() {
    let folder = folder("not-fitting");
    write(&folder, "q.onnx", &quarters().file());
    let check = |table: &str| {
        write(&folder, "m.toml", format!("file = \"q.onnx\"\n{table}").as_bytes());
        let (code, _, error) = model(&folder, &["check", "--manifest", "m.toml"]);
        assert_eq!((code, error.lines().count()), (1, 1), "{error}");
        error
    };
    let error = check("decoder = \"yolox\"\n");
    assert!(error.contains("the outputs (map 1x7x2x2) are not those of yolox: it has one output of"), "{error}");
    let error = check("labels = [\"a\", \"b\", \"c\"]\n");
    assert!(error.contains("no decoder fits its outputs (1x7x2x2); fovea reads those of fastestdet"), "{error}");
    let error = check("[input]\nwidth_px = 64\n");
    assert!(error.contains("the manifest says an input of 64x32, and the file takes 32x32"), "{error}");
    let error = check("engine = \"onnxruntime\"\n");
    assert!(error.contains("ONNX Runtime 1.21 or newer is not there") || error.contains("none"), "{error}");
}

#[test]
fn other_inputs_than_pictures_are_refused() {
    let folder = folder("inputs");
    for (sides, kind, found) in [
        (&[1, 10][..], 1, "1x10 numbers"),
        (&[1, 1, 32, 32], 1, "1x1x32x32 numbers"),
        (&[1, 3, 32, 32], 7, "1x3x32x32 values"),
    ] {
        let mut graph = quarters();
        graph.inputs = vec![onnx::port("picture", kind, sides)];
        write(&folder, "q.onnx", &graph.file());
        let (code, _, error) = model(&folder, &["check", "q.onnx"]);
        assert_eq!(code, 1, "{error}");
        assert!(error.starts_with(&format!("cannot use the model q.onnx: its input is {found}")), "{error}");
    }
}

/// `fovea check --here` and `fovea doctor` open each table's network.
#[test]
fn networks_of_a_configuration_are_opened_here() {
    let folder = folder("here");
    write(&folder, "q.onnx", &quarters().file());
    let fovea = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
        let output =
            command.current_dir(&folder).args(arguments).env_remove("ORT_DYLIB_PATH").output().expect("it was built");
        let text = |bytes| String::from_utf8(bytes).expect("fovea writes UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let check = |table: &str, arguments: &[&str]| {
        let config = format!("[model.q]\nfile = \"q.onnx\"\nengine = \"rten\"\n{table}\n[[camera]]\nname = \"a\"\n");
        write(&folder, "fovea.toml", config.as_bytes());
        fovea(arguments)
    };
    let here = ["check", "--here", "fovea.toml"];
    let (code, out, error) = check("", &here);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{out}");
    let line = out.lines().find(|line| line.starts_with("model q: 32x32, ")).unwrap_or_else(|| panic!("{out}"));
    assert!(line.contains(" ms a run, ") && line.ends_with(" MiB, rten (built in)"), "{line}");

    // The configuration may be for another machine, and the daemon starts without networks.
    let wrong = format!("sha256 = \"{}\"\n[model.gone]\nfile = \"gone.onnx\"\n", "0".repeat(64));
    let (code, out, _) = check(&wrong, &["check", "fovea.toml"]);
    assert_eq!((code, out.contains("model q")), (Some(0), false), "{out}");
    let (code, out, error) = check(&wrong, &here);
    assert_eq!((code, out.as_str(), error.lines().count()), (Some(78), "", 2), "{error}");
    assert!(
        error.starts_with("model gone: cannot read the model gone.onnx: No such file or directory (os error 2); put"),
        "{error}"
    );
    assert!(error.contains("\nmodel q: the model q.onnx is another file: its SHA-256 is "), "{error}");
    let (code, out, _) = check(&wrong, &["doctor", "--config", "fovea.toml"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("bad   the model gone: cannot read")
            && out.contains("; put the file there, or correct model.gone.file"),
        "{out}"
    );
    assert!(out.contains("bad   the model q: the model q.onnx is another file"), "{out}");
    let (_, out, _) = check("", &["doctor", "--config", "fovea.toml"]);
    assert!(out.contains("good  the model q: 32x32, "), "{out}");

    // A run that takes too long, and an engine that is not there.
    write(&folder, "q.onnx", &super::hostile::endless().file());
    let (code, _, error) = check("timeout_ms = 300", &here);
    assert_eq!(code, Some(78));
    assert!(
        error.contains("the limit is timeout_ms; engine = \"auto\" with ONNX Runtime or a network with"),
        "{error}"
    );
    write(&folder, "q.onnx", &quarters().file());
    write(&folder, "o.toml", b"[model.o]\nfile = \"q.onnx\"\nengine = \"onnxruntime\"\n[[camera]]\nname = \"a\"\n");
    let (code, out, error) = fovea(&["check", "--here", "o.toml"]);
    let is_there = code == Some(0) && out.contains("ONNX Runtime (");
    assert!(
        is_there
            || error
                .starts_with("model o: cannot use the model q.onnx: ONNX Runtime 1.21 or newer is not there: install"),
        "{error}"
    );
}
