//! `fovea model`: networks of the user's own. The tests make small ones by hand, good and hostile.
//!
//! Those that need a published network look for it in the folder `FOVEA_MODELS`, and are skipped without.

#[path = "support/onnx.rs"]
mod onnx;

#[path = "model/check.rs"]
mod check;
#[path = "model/hostile.rs"]
mod hostile;
#[path = "model/process.rs"]
mod process;
#[path = "model/published.rs"]
mod published;
#[path = "model/try_picture.rs"]
mod try_picture;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use onnx::{Graph, node, numbers, port, raw, tensor};

/// A folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("model").join(name);
    let _ = fs::remove_dir_all(&folder); // of an earlier run
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Runs `fovea model` in a folder. Returns the exit code and both outputs.
fn model(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    let output = command.current_dir(folder).arg("model").args(arguments).env_remove("ORT_DYLIB_PATH").output();
    let output = output.expect("it was built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("fovea writes UTF-8");
    (output.status.code().expect("it is not killed"), text(output.stdout), text(output.stderr))
}

/// Writes a file into a folder.
fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).expect("the folder is there");
}

/// A network as FastestDet, which finds what is white in each quarter of a picture of 32 x 32, in two classes: objectness is the mean
/// of the quarter's pixels, the middle is that of the quarter, the sides are half the picture's.
fn quarters() -> Graph {
    const TO_THE_MIDDLE: f32 = 0.549_306; // its tanh is 0.5
    let weights: Vec<f32> =
        (0..7).flat_map(|channel| vec![if [0, 5].contains(&channel) { 1.0 / 768.0 } else { 0.0 }; 768]).collect();
    Graph {
        nodes: vec![node(
            "Conv",
            &["picture", "weights", "bias"],
            &["map"],
            &[numbers("strides", &[16, 16]), numbers("kernel_shape", &[16, 16])],
        )],
        tensors: vec![
            tensor("weights", 1, &[7, 3, 16, 16], &raw(&weights)),
            tensor("bias", 1, &[7], &raw(&[0.0, TO_THE_MIDDLE, TO_THE_MIDDLE, 0.0, 0.0, 0.0, 0.0])),
        ],
        inputs: vec![port("picture", 1, &[1, 3, 32, 32])],
        outputs: vec![port("map", 1, &[1, 7, 2, 2])],
    }
}
