//! Recordings as cameras and programs leave them, from `tests/data`.

use proptest::prelude::*;

use super::*;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn odd(name: &str) -> Recording {
    Recording::open(&[data("odd").join(name)]).expect("it opens")
}

/// The items of a recording: each picture's number (see `make_odd`), or the error's text without the folder.
fn read(recording: &Recording) -> Vec<String> {
    let plain: Vec<Bytes> = odd("plain.avi").stills().map(|still| still.expect("nothing odd").bytes).collect();
    let describe = |still: Result<Still, RecordingError>| match still {
        Ok(still) => match plain.iter().position(|picture| *picture == still.bytes) {
            Some(index) => (index + 1).to_string(),
            None => format!("{still:?}"),
        },
        Err(error) => error.to_string().rsplit('/').next().unwrap_or_default().to_owned(),
    };
    recording.stills().map(describe).collect()
}

fn decodes(still: &Still) -> bool {
    turbojpeg::read_header(&still.bytes).is_ok()
}

#[test]
fn the_clip_of_walkers_is_79_pictures_at_10_hz() {
    let clip = Recording::open(&[data("vtest.avi")]).expect("it opens");
    assert_eq!((clip.rate_hz(), clip.len_hint()), (Some(10.0), Some(79)));
    let stills: Vec<Still> = clip.stills().collect::<Result<_, _>>().expect("nothing odd");
    assert_eq!(stills.len(), 79);
    assert!(stills.iter().all(decodes));
}

#[test]
fn a_plain_avi_says_rate_and_length() {
    let plain = odd("plain.avi");
    assert_eq!((plain.rate_hz(), plain.len_hint()), (Some(25.0), Some(3)));
    assert_eq!(read(&plain), ["1", "2", "3"]);
}

#[test]
fn avi_lists_streams_and_lengths_may_be_as_they_like() {
    for name in ["rec-lists.avi", "audio-is-stream-0.avi", "never-closed.avi", "second-riff.avi"] {
        assert_eq!(read(&odd(name)), ["1", "2", "3"], "{name}");
        assert_eq!(odd(name).rate_hz(), Some(25.0), "{name}");
    }
    assert_eq!(read(&odd("empty-chunk-repeats.avi")), ["1", "1", "3"]);
}

#[test]
fn a_cut_avi_gives_what_is_whole_and_tells_where_it_is_cut() {
    assert_eq!(
        read(&odd("cut-in-third-picture.avi")),
        ["1", "2", "cut-in-third-picture.avi: byte 1758: the picture that begins here is cut off; fovea skips it"]
    );
}

#[test]
fn an_avi_of_another_codec_is_refused_with_the_remedy() {
    let error = Recording::open(&[data("odd/not-mjpeg.avi")]).expect_err("fovea has no DivX decoder").to_string();
    assert!(error.contains(r#"its video is "DIV3", but fovea reads MJPEG; `ffmpeg -i "#), "{error}");
}

#[test]
fn a_thumbnail_inside_a_picture_does_not_split_it() {
    let recording = odd("exif-thumbnail.mjpeg");
    let stills: Vec<Still> = recording.stills().collect::<Result<_, _>>().expect("nothing odd");
    assert!(stills.iter().all(decodes));
    assert_eq!(read(&recording), ["Jpeg, 1452 bytes", "2"]);
}

#[test]
fn restart_markers_and_several_scans_belong_to_the_picture() {
    let recording = odd("restarts-and-scans.mjpeg");
    let stills: Vec<Still> = recording.stills().collect::<Result<_, _>>().expect("nothing odd");
    let lengths: Vec<usize> = stills.iter().map(|still| still.bytes.len()).collect();
    assert!(stills.iter().all(|still| decodes(still) && still.bytes.ends_with(b"\xff\xd9")));
    assert_eq!(lengths, [733, 714]);
}

#[test]
fn what_stands_between_pictures_is_skipped() {
    assert_eq!(read(&odd("multipart.mjpeg")), ["1", "2"]);
}

#[test]
fn a_broken_picture_costs_itself_only() {
    let missing = "end-missing.mjpeg: byte 0: the picture that begins here is cut off; fovea skips it";
    assert_eq!(read(&odd("end-missing.mjpeg")), [missing, "2", "3"]);
    let cut = "cut-in-second-picture.mjpeg: byte 719: the picture that begins here is cut off; fovea skips it";
    assert_eq!(read(&odd("cut-in-second-picture.mjpeg")), ["1", cut]);
    let damaged = "damaged-second-picture.mjpeg: byte 719: the picture that begins here is damaged; fovea skips it";
    assert_eq!(read(&odd("damaged-second-picture.mjpeg")), ["1", damaged, "3"]);
}

#[test]
fn files_follow_each_other_and_the_first_stated_rate_counts() {
    let both = Recording::open(&[data("odd/multipart.mjpeg"), data("odd/plain.avi")]).expect("both open");
    assert_eq!((both.rate_hz(), both.len_hint()), (Some(25.0), None));
    assert_eq!(read(&both), ["1", "2", "1", "2", "3"]);
}

#[test]
fn a_folder_is_what_can_be_sent_in_it_in_the_order_people_count() {
    let folder = std::env::temp_dir().join(format!("fovea-recording-{}", std::process::id()));
    fs::create_dir_all(folder.join("12.jpg")).expect("a folder, and one with a picture's name in it");
    let error = Recording::open(std::slice::from_ref(&folder)).expect_err("nothing to send");
    assert!(matches!(error, RecordingError::NoPictures(_)), "{error}");
    let picture = |index: usize| odd("plain.avi").stills().nth(index).expect("three").expect("whole").bytes;
    fs::write(folder.join("10.JPG"), picture(2)).expect("writable");
    fs::write(folder.join("9.jpeg"), picture(1)).expect("writable");
    fs::write(folder.join("1.jpg"), [&picture(0)[..], b"a phone's second picture"].concat()).expect("writable");
    fs::write(folder.join("1.txt"), "notes").expect("writable");
    let recording = Recording::open(std::slice::from_ref(&folder)).expect("three pictures");
    fs::write(folder.join("9.jpeg"), "no picture any more").expect("writable");
    let expected = [
        format!("Jpeg, {} bytes", picture(0).len() + 24),
        "9.jpeg: not a JPEG, PNG, MJPEG or AVI file".into(),
        "3".into(),
    ];
    assert_eq!(read(&recording), expected);
    assert_eq!(recording.len_hint(), Some(3));
    fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn what_is_no_recording_is_told_by_name() {
    let error = |path: &str| Recording::open(&[path.into()]).expect_err("no recording").to_string();
    assert_eq!(error("/dev/null"), "/dev/null: not a JPEG, PNG, MJPEG or AVI file");
    assert_eq!(error("/no/such/file"), "cannot open /no/such/file");
    let png = Bytes::from_static(b"\x89PNG\r\n\x1a\n and so on");
    let png = Recording::from_bytes("memory", png).expect("a PNG as far as can be seen");
    assert_eq!(read(&png), ["Png, 18 bytes"]);
}

proptest! {
    /// However a file is cut and damaged, reading it ends, and yields no more bytes than there are.
    #[test]
    fn damaged_files_are_read_to_their_end(
        file in prop::sample::select(vec!["rec-lists.avi", "second-riff.avi", "exif-thumbnail.mjpeg", "multipart.mjpeg"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        keep: prop::sample::Index,
    ) {
        let mut bytes = fs::read(data("odd").join(file)).expect("readable");
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(keep.index(bytes.len() + 1));
        let all = bytes.len();
        if let Ok(recording) = Recording::from_bytes("damaged", bytes.into()) {
            let stills: Vec<_> = recording.stills().take(1000).collect();
            prop_assert!(stills.len() < 1000);
            prop_assert!(stills.iter().flatten().all(|still| still.bytes.len() <= all));
        }
    }

    /// Whatever the size of the reads, the scan finds the same ends.
    #[test]
    fn pictures_are_found_whatever_the_size_of_reads(capacity in 1..2000usize) {
        let bytes = fs::read(data("odd/exif-thumbnail.mjpeg")).expect("readable");
        let input = BufReader::with_capacity(capacity, Cursor::new(bytes));
        let stills: Vec<_> = mjpeg::Mjpeg::new(Path::new("chopped").into(), input).collect::<Result<_, _>>().expect("whole");
        prop_assert_eq!(stills.iter().map(|still| still.bytes.len()).collect::<Vec<_>>(), [1452, 789]);
    }
}
