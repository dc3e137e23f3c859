//! Networks made to harm: each is refused in one line, with little memory and in a bounded time.

use std::{fs, path::Path, process::Command};

use super::{
    folder, model,
    onnx::{Graph, field, head, network, node, number, port, tensor},
    quarters, write,
};

/// What `fovea model check` says of a file, with a table that limits time and memory.
fn refused(folder: &Path, file: &[u8]) -> String {
    write(folder, "hostile.onnx", file);
    let limits = "file = \"hostile.onnx\"\ntimeout_ms = 1000\nmax_memory_bytes = 134217728\n";
    write(folder, "limits.toml", limits.as_bytes());
    let (code, out, error) = model(folder, &["check", "--manifest", "limits.toml"]);
    assert_eq!((code, out.as_str(), error.lines().count()), (1, "", 1), "{out}{error}");
    error
}

#[test]
fn a_file_that_is_cut_off_or_no_network() {
    let folder = folder("cut-off");
    let whole = quarters().file();
    for length in [0, 1, 7, 100, whole.len() / 2, whole.len() - 60] {
        let error = refused(&folder, &whole[..length]);
        assert!(error.contains("it is not an ONNX file, or is damaged"), "{length}: {error}");
    }
    let error = refused(&folder, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    assert!(error.contains("is a pointer of Git LFS"), "{error}");
    let error = refused(&folder, &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    assert!(error.contains("it is not an ONNX file"), "{error}");
}

/// The file that it names is there, and could be read.
#[test]
fn weights_in_another_file() {
    let folder = folder("external");
    let entry = |key: &str, value: &str| field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
    for location in ["weights.bin", "/etc/passwd", "../../../etc/passwd"] {
        write(&folder, "weights.bin", &[0; 28]);
        let mut graph = quarters();
        graph.tensors[1] =
            [number(1, 7), number(2, 1), field(8, b"bias"), entry("location", location), number(14, 1)].concat();
        let error = refused(&folder, &graph.file());
        assert!(error.contains("its weights are in another file, which fovea does not read"), "{error}");
    }
}

#[test]
fn weights_that_are_not_there() {
    let folder = folder("weights");
    let mut graph = quarters();
    graph.tensors[1] =
        [number(1, 1 << 40), number(1, 1 << 40), number(2, 1), field(8, b"bias"), field(9, &[0; 28])].concat();
    let error = refused(&folder, &graph.file());
    assert!(error.contains("it is damaged: weights \"bias\" should be"), "{error}");
}

#[test]
fn networks_in_networks_without_end() {
    let folder = folder("nested");
    // Lengths of everything inside are in front, so this is made from its end.
    let (mut reversed, mut length) = (Vec::new(), 0);
    for _ in 0..20_000 {
        for tag in [6, 5, 1] {
            let head = head(tag, length);
            length += head.len();
            reversed.extend(head.iter().rev());
        }
    }
    let deep: Vec<u8> = reversed.into_iter().rev().collect();
    let error = refused(&folder, &[field(7, &quarters().bytes()), field(7, &deep)].concat());
    assert!(error.contains("it has two networks"), "{error}");
    let error = refused(&folder, &field(7, &deep));
    assert!(error.contains("more than 4 networks inside of each other"), "{error}");
}

/// A file of 200 bytes that wants 16 TB as soon as it is opened, and one that wants 4 GB when it is run.
#[test]
#[cfg_attr(target_pointer_width = "32", ignore = "32 bits count no such sizes, and qemu-user limits no addresses")]
fn more_memory_than_allowed() {
    let folder = folder("memory");
    let shape = |side: i64| tensor("shape", 7, &[2], &[side.to_le_bytes(), side.to_le_bytes()].concat());
    let mut graph = quarters();
    graph.nodes = vec![
        node("ConstantOfShape", &["shape"], &["huge"], &[]),
        node("ReduceSum", &["huge"], &["sum"], &[]),
        node("Add", &["picture", "sum"], &["map"], &[]),
    ];
    for side in [1 << 21, 1 << 15] {
        graph.tensors = vec![shape(side)];
        let error = refused(&folder, &graph.file());
        assert!(error.contains("needs more than 128 MiB of memory"), "{error}");
    }
}

/// Of 2^64 numbers 64 bits keep 0: an engine that believes these sides reads where nothing is.
#[test]
fn sides_whose_product_is_larger_than_a_number() {
    let folder = folder("sides");
    let sides: Vec<u8> = [1_i64 << 30, 1 << 30, 16].iter().flat_map(|side| side.to_le_bytes()).collect();
    let mut graph = quarters();
    graph.nodes = vec![
        node("ConstantOfShape", &["shape"], &["huge"], &[]),
        node("ReduceSum", &["huge"], &["sum"], &[]),
        node("Add", &["picture", "sum"], &["map"], &[]),
    ];
    graph.tensors = vec![tensor("shape", 7, &[3], &sides)];
    let error = refused(&folder, &graph.file());
    assert!(error.contains("crashes the process that does it") && error.contains("multiply with overflow"), "{error}");
}

/// A loop that runs for ages.
pub(super) fn endless() -> Graph {
    let body = Graph {
        nodes: vec![node("Identity", &["go"], &["go_on"], &[]), node("Identity", &["now"], &["then"], &[])],
        tensors: Vec::new(),
        inputs: vec![port("n", 7, &[]), port("go", 9, &[]), port("now", 1, &[1, 3, 32, 32])],
        outputs: vec![port("go_on", 9, &[]), port("then", 1, &[1, 3, 32, 32])],
    };
    Graph {
        nodes: vec![node("Loop", &["times", "yes", "picture"], &["map"], &[network("body", &body.bytes())])],
        tensors: vec![tensor("times", 7, &[], &i64::from(i32::MAX).to_le_bytes()), tensor("yes", 9, &[], &[1])],
        inputs: vec![port("picture", 1, &[1, 3, 32, 32])],
        outputs: vec![port("map", 1, &[1, 3, 32, 32])],
    }
}

#[test]
fn a_run_without_end() {
    let error = refused(&folder("endless"), &endless().file());
    assert!(error.contains("takes longer than") && error.contains("was ended; the limit is timeout_ms"), "{error}");
}

#[test]
fn operators_that_feed_themselves_or_are_unknown() {
    let folder = folder("cycle");
    let mut graph = quarters();
    graph.nodes = vec![node("Add", &["picture", "b"], &["a"], &[]), node("Relu", &["a"], &["b"], &[])];
    graph.outputs = vec![port("b", 1, &[1, 3, 32, 32])];
    refused(&folder, &graph.file());
    graph.nodes = vec![node("NoSuchThing", &["picture"], &["b"], &[])];
    let error = refused(&folder, &graph.file());
    assert!(error.contains("the engine rten cannot open it") && error.contains("NoSuchThing"), "{error}");
    assert!(error.contains("engine = \"onnxruntime\" opens files with operators that rten does not have"), "{error}");
}

#[test]
fn what_is_no_file() {
    let folder = folder("no-file");
    let fifo = folder.join("fifo.onnx");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).expect("it can be made");
    fs::File::create(folder.join("large.onnx")).and_then(|file| file.set_len(1 << 40)).expect("it has holes");
    for (file, expected) in [
        ("none.onnx", "cannot read the model none.onnx: No such file"),
        ("fifo.onnx", "the model fifo.onnx is not a file"),
        (".", "the model . is not a file"),
        ("/dev/zero", "the model /dev/zero is not a file"),
        ("large.onnx", "the model large.onnx is larger than 128 MiB"),
    ] {
        let (code, out, error) = model(&folder, &["check", file]);
        assert_eq!((code, out.as_str(), error.lines().count()), (1, "", 1), "{error}");
        assert!(error.starts_with(expected), "{error}");
    }
    fs::remove_file(folder.join("large.onnx")).expect("it was made");
}

#[test]
fn nobody_else_starts_the_worker() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_fovea")).args(["model", "worker"]).stdin(std::process::Stdio::null()).output();
    let output = output.expect("it was built");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let help = Command::new(env!("CARGO_BIN_EXE_fovea")).args(["model", "--help"]).output().expect("it was built");
    assert!(!String::from_utf8_lossy(&help.stdout).contains("worker"), "{help:?}");
}
