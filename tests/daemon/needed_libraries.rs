//! The libraries that the program needs: of OpenCV the two that it calls, and none that opens files or windows.
//!
//! imgcodecs, highgui and videoio bring along GDAL and parsers of hundreds of formats, behind a port on a network.

use std::{collections::BTreeSet, process::Command};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fovea");

/// What a command of the toolchain says of the program.
fn ask(command: &str, argument: Option<&str>) -> String {
    let output = Command::new(command).args(argument).arg(PROGRAM).output();
    let output = output.unwrap_or_else(|error| panic!("{command}: {error}"));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("names of libraries")
}

/// `libopencv_core` without the version that follows.
fn stem(library: &str) -> &str {
    library.split(".so").next().unwrap_or(library)
}

#[test]
fn of_opencv_it_needs_core_and_imgproc() {
    let said = ask("readelf", Some("--dynamic"));
    let needed = said.lines().filter(|line| line.contains("(NEEDED)"));
    let names: BTreeSet<_> = needed.filter_map(|line| line.split(['[', ']']).nth(1)).map(stem).collect();
    assert!(names.contains("libc"), "{said}");
    let of_opencv: BTreeSet<_> = names.iter().copied().filter(|name| name.starts_with("libopencv_")).collect();
    assert_eq!(of_opencv, ["libopencv_core", "libopencv_imgproc"].into());
}

#[test]
fn nothing_that_it_loads_reads_files_or_opens_windows() {
    let said = ask("ldd", None);
    let names: BTreeSet<_> = said.lines().filter_map(|line| line.split_whitespace().next()).map(stem).collect();
    assert!(names.contains("libopencv_core"), "{said}");
    for unwanted in ["libopencv_imgcodecs", "libopencv_highgui", "libopencv_videoio", "libgdal", "libavcodec", "libgtk"]
    {
        assert!(!names.iter().any(|name| name.starts_with(unwanted)), "{unwanted} in\n{said}");
    }
}
