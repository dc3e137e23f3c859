//! Published networks, on pictures of people who were boxed by eye. `FOVEA_MODELS` is the folder with the networks.

use std::{env, path::PathBuf};

use fovea::recording::Recording;

use super::{folder, model, write};

/// Left, upper, width, height.
type Bounds = [f32; 4];

/// Everybody in two pictures of `tests/data/vtest.avi`, boxed by eye to three pixels or so.
const PEOPLE: [(usize, [Bounds; 7]); 2] = [
    (
        10,
        [
            [118.0, 131.0, 19.0, 54.0],
            [224.0, 170.0, 35.0, 69.0],
            [451.0, 113.0, 23.0, 62.0],
            [457.0, 202.0, 43.0, 82.0],
            [541.0, 192.0, 35.0, 79.0],
            [571.0, 82.0, 12.0, 46.0],
            [591.0, 84.0, 12.0, 44.0],
        ],
    ),
    (
        50,
        [
            [40.0, 150.0, 22.0, 55.0],
            [243.0, 134.0, 23.0, 65.0],
            [418.0, 227.0, 36.0, 94.0],
            [556.0, 181.0, 30.0, 69.0],
            [601.0, 241.0, 39.0, 94.0],
            [540.0, 94.0, 18.0, 50.0],
            [560.0, 99.0, 16.0, 46.0],
        ],
    ),
];

/// A file in the folder with networks; `None` skips the test.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know what was not tested")]
fn published(name: &str) -> Option<PathBuf> {
    let file = env::var_os("FOVEA_MODELS").and_then(|folder| PathBuf::from(folder).join(name).canonicalize().ok());
    if file.is_none() {
        eprintln!("skipped {name}: FOVEA_MODELS is no folder that has it");
    }
    file
}

/// The boxes of people that the command printed: `person  0.86  28x79 at 548,193`.
fn people(printed: &str) -> Vec<Bounds> {
    let number = |text: &str| text.parse::<f32>().expect("a number");
    let bounds = |line: &str| {
        let (size, place) = line.split_once("  ")?.1.trim().split_once("  ")?.1.split_once(" at ")?;
        let ((width, height), (x, y)) = (size.split_once('x')?, place.split_once(',')?);
        Some([x, y, width, height].map(number))
    };
    printed.lines().filter(|line| line.starts_with("person ")).filter_map(bounds).collect()
}

/// Intersection over union.
fn overlap(a: &Bounds, b: &Bounds) -> f32 {
    let along = |axis: usize| ((a[axis] + a[axis + 2]).min(b[axis] + b[axis + 2]) - a[axis].max(b[axis])).max(0.0);
    let shared = along(0) * along(1);
    shared / (a[2] * a[3] + b[2] * b[3] - shared)
}

/// The two who are farthest away have 12 pixels of width each, and the network sees them half as wide.
#[test]
fn fastestdet_finds_people() {
    let Some(network) = published("FastestDet.onnx") else { return };
    let folder = folder("fastestdet");
    // As `fovea model check` prints it; the time is that of a machine with a load of twenty.
    let table = format!(
        "file = {network:?}\ndecoder = \"fastestdet\"\nlabels = \"coco\"\nthreshold = 0.65\nengine = \"rten\"\n"
    );
    write(&folder, "fastestdet.toml", format!("{table}timeout_ms = 60000\n").as_bytes());
    let recording = Recording::open(&["tests/data/vtest.avi".into()]).expect("it is there");
    let pictures: Vec<_> = recording.stills().collect::<Result<_, _>>().expect("it is whole");
    let (mut hits, mut strangers) = (0, 0);
    for (number, truth) in PEOPLE {
        write(&folder, "street.jpg", &pictures[number].bytes);
        let (code, out, error) = model(&folder, &["try", "--manifest", "fastestdet.toml", "street.jpg"]);
        assert_eq!((code, error.as_str()), (0, ""), "{out}");
        let found = people(&out);
        let is_near = |a: &Bounds, b: &Bounds| overlap(a, b) >= 0.4;
        hits += truth.iter().filter(|person| found.iter().any(|found| is_near(found, person))).count();
        strangers += found.iter().filter(|found| !truth.iter().any(|person| is_near(found, person))).count();
    }
    assert!(hits >= 10 && strangers <= 2, "{hits} of 14, {strangers} who are none");
}
