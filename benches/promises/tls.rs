//! What TLS costs the daemon: processor time of the same frames, by the same client, with and without it, by turns.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::{
    Result,
    daemon::Daemon,
    footage::{FULL_HD, VGA, frames},
    measure::{cpu_time, median},
};

/// Frames of a turn, 30 a second.
const FRAMES: usize = 150;

/// By `ws://` and `wss://` to one daemon, for two sizes of pictures.
pub(crate) fn tls(share: f64) -> Result<Vec<String>> {
    let folder = Folder::new()?;
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
    let files = [("certificate", cert.pem()), ("key", signing_key.serialize_pem())].map(|(key, pem)| {
        let file = folder.0.join(format!("{key}.pem"));
        fs::write(&file, pem).and_then(|()| private(&file)).map(|()| format!("{key} = {file:?}\n"))
    });
    let [certificate, key] = files;
    // Nothing is done with the frames: what is left is the way to the processor.
    let daemon = Daemon::start_with(&format!("[tls]\n{}{}[[camera]]\nname = \"door\"\n", certificate?, key?))?;
    let mut rows = Vec::new();
    for size in [VGA, FULL_HD] {
        let pictures = frames(size, 40, false)?;
        let bytes = pictures.iter().map(|picture| picture.len()).sum::<usize>() / pictures.len();
        let film = folder.0.join("film.mjpeg");
        fs::write(&film, pictures.iter().cycle().take(FRAMES).flatten().copied().collect::<Vec<_>>())?;
        let (mut plain, mut tls, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 0..if share < 1.0 { 2 } else { 10 } {
            let mut both = [("ws", 0.0), ("wss", 0.0)];
            both.rotate_left(turn % 2);
            for (scheme, ms) in &mut both {
                *ms = ms_a_frame(&daemon, scheme, &film)?;
            }
            both.rotate_left(turn % 2);
            let [(_, without), (_, with)] = both;
            plain.push(without);
            tls.push(with);
            ratios.push(with / without);
        }
        rows.push(format!(
            "| also measured: processor time of the daemon a frame of {} kB, with TLS and without | {:.3} and {:.3} ms, ratio {:.2} | | |",
            bytes / 1000,
            median(&mut tls),
            median(&mut plain),
            median(&mut ratios)
        ));
    }
    Ok(rows)
}

/// Sends the film by `fovea send`. The handshake of TLS is in the time.
fn ms_a_frame(daemon: &Daemon, scheme: &str, film: &Path) -> Result<f64> {
    let before = cpu_time(daemon.pid())?;
    let url = format!("{scheme}://{}/frames/door", daemon.address);
    let mut send = Command::new(env!("CARGO_BIN_EXE_fovea"));
    let trust: &[_] = if scheme == "wss" { &["--insecure"] } else { &[] };
    let output = send.args(["send", "--rate", "30", &url]).args(trust).arg(film).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    thread::sleep(Duration::from_millis(100)); // the connection's end is a part of it
    #[expect(clippy::cast_precision_loss, reason = "few")]
    let frames = FRAMES as f64;
    Ok((cpu_time(daemon.pid())? - before).as_secs_f64() * 1e3 / frames)
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = env::temp_dir().join(format!("fovea-bench-tls-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
}
