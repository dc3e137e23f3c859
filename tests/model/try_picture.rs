//! `fovea model try`: boxes of what a network finds in a picture.

use std::{fs, io::Cursor, path::Path};

use super::{folder, model, quarters, write};

/// A grey PNG of 64 x 64 pixels, black but for the lower left quarter, which has this level.
fn picture(level: u8) -> Vec<u8> {
    let pixels: Vec<u8> = (0..64 * 64).map(|n| if n / 64 >= 32 && n % 64 < 32 { level } else { 0 }).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 64, 64);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().expect("a vector takes everything");
    writer.write_image_data(&pixels).expect("as many as the size says");
    writer.finish().expect("a vector takes everything");
    file
}

fn pixels(file: &Path) -> Vec<u8> {
    let mut reader = png::Decoder::new(Cursor::new(fs::read(file).expect("it is there"))).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it is small")];
    reader.next_frame(&mut pixels).expect("it is whole");
    pixels
}

#[test]
fn boxes_are_printed_and_drawn() {
    let folder = folder("boxes");
    write(&folder, "quarters.onnx", &quarters().file());
    write(&folder, "corner.png", &picture(255));
    let (code, out, error) = model(&folder, &["try", "quarters.onnx", "corner.png"]);
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
    assert_eq!(out, "class 0          1.00  32x32 at 0,32\ncorner-boxes.jpg has the boxes\n");
    let jpeg = fs::read(folder.join("corner-boxes.jpg")).expect("it was written");
    let header = turbojpeg::read_header(&jpeg).expect("it is a JPEG");
    assert_eq!((header.width, header.height), (64, 64));

    let (code, _, error) = model(&folder, &["try", "quarters.onnx", "corner.png", "--output", "out.png"]);
    assert_eq!((code, error.as_str()), (0, ""));
    let pixels = pixels(&folder.join("out.png"));
    let at = |x: usize, y: usize| &pixels[3 * (64 * y + x)..][..3];
    assert_eq!([at(0, 40), at(16, 63), at(31, 50)], [[255, 176, 0]; 3], "the box");
    assert_eq!((at(16, 48), at(40, 16)), (&[255; 3][..], &[0; 3][..]), "white inside, black outside");
}

#[test]
fn labels_and_thresholds_are_those_of_the_table() {
    let folder = folder("labels");
    write(&folder, "q.onnx", &quarters().file());
    write(&folder, "corner.png", &picture(200)); // 0.78 of white
    let config = |thresholds: &str| {
        let table = format!("[model.q]\nfile = \"q.onnx\"\nlabels = [\"mark\", \"other\"]\n{thresholds}\n");
        write(&folder, "fovea.toml", format!("{table}[[camera]]\nname = \"door\"\n").as_bytes());
        model(&folder, &["try", "--model", "q", "--config", "fovea.toml", "corner.png"])
    };
    let (code, out, error) = config("");
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(out.starts_with("mark             0.78  32x32 at 0,32\n"), "{out}");
    let (_, out, _) = config("thresholds = { mark = 0.8 }");
    assert!(out.starts_with("nothing with a score of 0.5 or more; --threshold shows what has less\n"), "{out}");
    let (_, out, _) = config("threshold = 0.9\nthresholds = { mark = 0.7 }");
    assert!(out.starts_with("mark "), "{out}");
    let (code, _, error) = config("thresholds = { face = 0.7 }");
    assert_eq!(code, 78);
    assert!(error.starts_with("fovea.toml:4:23: model.q.thresholds.face = 0.7: there is no class \"face\""), "{error}");
}

#[test]
fn what_cannot_be_done_is_told_in_a_line() {
    let folder = folder("cannot");
    write(&folder, "q.onnx", &quarters().file());
    write(&folder, "corner.png", &picture(255));
    write(&folder, "text.jpg", b"no picture");
    let cases: [(&[&str], &str); 5] = [
        (&["try", "q.onnx", "none.jpg"], "cannot read the picture none.jpg: No such file"),
        (&["try", "q.onnx", "text.jpg"], "cannot use the picture text.jpg: "),
        (&["try", "q.onnx", "corner.png", "-o", "out.gif"], "out.gif ends neither in .jpg nor in .png"),
        (&["try", "q.onnx", "corner.png", "-o", "corner.png"], "corner.png is the picture itself"),
        (&["try", "corner.png"], "say which file has the network"),
    ];
    for (arguments, expected) in cases {
        let (code, out, error) = model(&folder, arguments);
        assert_eq!((code, out.as_str(), error.lines().count()), (1, "", 1), "{error}");
        assert!(error.starts_with(expected), "{error}");
    }
}
