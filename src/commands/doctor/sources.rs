//! Checks the files in `/etc/fovea/sources`, each of which feeds a camera by `fovea-source@.service`.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{Diagnostic, Machine, output};
use crate::config::Config;

const FOLDER: &str = "/etc/fovea/sources";

pub(super) fn check(machine: &Machine) -> Vec<Diagnostic> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(FOLDER).into_iter().flatten().flatten().map(|file| file.path()).collect();
    files.sort();
    let files = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "conf"));
    files.map(|file| check_file(file, machine.config.as_ref())).collect()
}

fn check_file(file: &Path, config: Option<&Config>) -> Diagnostic {
    let shown = file.display();
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    if let Some(config) = config {
        match config.cameras.iter().find(|camera| *camera.name == *name) {
            None => {
                return Diagnostic::bad(format!(
                    "{shown}: no camera has the name {name}; name the file after a camera of the configuration"
                ));
            }
            Some(camera) if camera.v4l2.is_some() => {
                return Diagnostic::bad(format!(
                    "{shown}: {name} is a local camera, so a source cannot feed it; remove the file"
                ));
            }
            Some(_) => {}
        }
    }
    let (text, about) = match read(file) {
        Ok(read) => read,
        Err(error) => return Diagnostic::hint(format!("cannot read {shown}: {error}; run fovea doctor as root")),
    };
    if let Some(wrong) = mistake(&text) {
        return Diagnostic::bad(format!("{shown}: {wrong}"));
    }
    let unit = format!("fovea-source@{name}");
    let state = output("systemctl", &["show", "--property=ActiveState,SubState", "--value", &unit]).unwrap_or_default();
    match &*state.split_whitespace().collect::<Vec<_>>() {
        ["active", _] if has_secret(&text) && about.permissions().mode() & 0o004 != 0 => Diagnostic::hint(format!(
            "{shown} has a password that every user of this machine can read; `chmod 600 {shown}`"
        )),
        ["active", _] => Diagnostic::good(format!("the source of {name} runs")),
        ["activating", "auto-restart"] => {
            Diagnostic::bad(format!("the source of {name} ends again and again; `journalctl CAMERA={name}` says why"))
        }
        ["failed", _] => Diagnostic::bad(format!(
            "the source of {name} has failed; `journalctl CAMERA={name}` says why, `systemctl restart {unit}` starts it"
        )),
        _ => Diagnostic::bad(format!(
            "the source of {name} does not run; run `systemctl daemon-reload && systemctl start {unit}`"
        )),
    }
}

fn read(file: &Path) -> io::Result<(String, Metadata)> {
    Ok((fs::read_to_string(file)?, fs::metadata(file)?))
}

/// The values of a key, as systemd reads an `EnvironmentFile`. The last one counts.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with(['#', ';']));
    let values = lines.filter_map(|line| line.split_once('=')).filter(|(name, _)| name.trim_end() == key);
    values.map(|(_, value)| value.trim()).next_back().filter(|value| !value.is_empty())
}

fn mistake(text: &str) -> Option<&'static str> {
    match (value(text, "URL"), value(text, "COMMAND")) {
        (Some(_), Some(_)) => Some("has both URL and COMMAND; remove one"),
        (None, None) => {
            Some("has neither URL nor COMMAND; write one of them, such as URL=http://192.168.1.20:81/stream")
        }
        _ => None,
    }
}

/// Whether somebody could log in somewhere with what the file says.
fn has_secret(text: &str) -> bool {
    let in_url = |text: &str| {
        text.split("://").skip(1).any(|rest| rest.split(['/', '?', ' ']).next().is_some_and(|host| host.contains('@')))
    };
    value(text, "FOVEA_LOGIN").is_some() || ["URL", "COMMAND"].iter().any(|key| value(text, key).is_some_and(in_url))
}

#[cfg(test)]
mod tests {
    use super::{has_secret, mistake, value};

    #[test]
    fn a_file_has_one_source() {
        assert_eq!(mistake("URL=http://camera/stream\nOPTIONS=--rate 5\n"), None);
        assert_eq!(mistake("# URL=http://camera/\n  COMMAND = ffmpeg -i x=y -\n"), None);
        assert!(mistake("URL=http://camera/\nCOMMAND=cat").is_some_and(|text| text.starts_with("has both")));
        assert!(mistake(";COMMAND=cat\nURL=\nCOMMANDS=cat").is_some_and(|text| text.starts_with("has neither")));
        assert_eq!(value("URL=one\nURL=two=2", "URL"), Some("two=2"));
    }

    #[test]
    fn a_password_is_noticed() {
        assert!(has_secret("URL=http://me:secret@camera/"));
        assert!(has_secret("COMMAND=ffmpeg -i 'rtsp://me:secret@camera/1' -f mjpeg -"));
        assert!(has_secret("URL=http://camera/\nFOVEA_LOGIN=me:secret"));
        assert!(!has_secret("URL=http://camera/picture?at=noon@home"));
        assert!(!has_secret("# URL=http://me:secret@camera/\nURL=http://camera/"));
    }
}
