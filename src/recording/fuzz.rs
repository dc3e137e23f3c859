//! Fuzz target for recordings.

use super::*;

/// The bytes of a file.
///
/// It is read to its end, whatever lengths it states, and whatever the size of reads. No picture is longer than the file.
pub fn recording(input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    for name in ["fuzz.avi", "fuzz.jpg"] {
        match Recording::from_bytes(name, bytes.clone()) {
            Ok(recording) => check(input, recording.stills()),
            Err(error) => assert!(error.to_string().contains(name), "{error}"),
        }
    }
    // From a disk it is read through a buffer, here the smallest one.
    let whole = || Cursor::new(bytes.clone());
    let chopped = || BufReader::with_capacity(16, whole());
    let path: Arc<Path> = Path::new("fuzz").into();
    let stills = [mjpeg::Mjpeg::new(path.clone(), whole()).map(texts).collect::<Vec<_>>(), {
        mjpeg::Mjpeg::new(path.clone(), chopped()).map(texts).collect()
    }];
    assert_eq!(stills[0], stills[1], "MJPEG");
    match (avi::Avi::new(path.clone(), whole()), avi::Avi::new(path, chopped())) {
        (Ok(whole), Ok(chopped)) => {
            assert_eq!((whole.rate_hz(), whole.pictures()), (chopped.rate_hz(), chopped.pictures()));
            assert!(whole.map(texts).eq(chopped.map(texts)), "AVI");
        }
        (Err(whole), Err(chopped)) => assert_eq!(whole.to_string(), chopped.to_string()),
        (whole, chopped) => panic!("{:?}, but in pieces {:?}", whole.err(), chopped.err()),
    }
}

fn check(input: &[u8], stills: impl Iterator<Item = Result<Still, RecordingError>>) {
    let mut count = 0;
    for still in stills {
        count += 1;
        // An AVI chunk has 8 bytes. A start marker of 2 bytes begins a picture, and the next one cuts it off.
        assert!(count <= input.len() / 2 + 1, "it does not end");
        match still {
            Ok(still) => assert!(still.bytes.len() <= input.len()),
            Err(error) => assert!(error.to_string().starts_with("fuzz."), "{error}"),
        }
    }
}

/// A picture, or the error's text.
fn texts(still: Result<Still, RecordingError>) -> Result<Bytes, String> {
    still.map(|still| still.bytes).map_err(|error| error.to_string())
}
