//! Checks the networks of the configuration: whether each opens and runs, whether the service sees its file, and whether all of
//! them fit into the memory that the service may use.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{Diagnostic, Machine, output};
use crate::commands::model::health;

/// Folders that the unit hides from fovea, by ProtectHome= and PrivateTmp=.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/// What fovea itself takes: with eight cameras 46 MiB were measured. Under attack it is more, see docs/SECURITY.md.
const OWN_BYTES: u64 = 64 << 20;

pub(super) fn check(machine: &Machine) -> Vec<Diagnostic> {
    let Some(config) = machine.config.as_ref().filter(|config| !config.models.is_empty()) else { return Vec::new() };
    let unit = output("systemctl", &["show", "--property=LoadState,MemoryMax", "fovea.service"]).unwrap_or_default();
    let is_installed = unit.lines().any(|line| line == "LoadState=loaded");
    let mut diagnostics = Vec::new();
    let mut memory = Vec::new();
    for (name, manifest) in &config.models {
        let hidden = is_installed.then(|| hidden(&manifest.file)).flatten();
        diagnostics.push(match health::check(name, manifest) {
            Err(reason) => {
                let masked = config.cameras.iter().filter(|camera| camera.has_moving_masks());
                let masked =
                    masked.filter(|camera| camera.models.contains_key(name)).map(|camera| camera.name.as_str());
                let masked = masked.collect::<Vec<_>>().join(", ");
                let consequence = if masked.is_empty() {
                    String::new()
                } else {
                    format!("; until it works, the masks of {masked} with labels cover all of the picture")
                };
                Diagnostic::bad(format!("the model {name}: {reason}{consequence}"))
            }
            Ok(_) if hidden.is_some() => Diagnostic::bad(format!(
                "the model {name}: {}; move it to /etc/fovea and write its new place into model.{name}.file",
                hidden.unwrap_or_default()
            )),
            Ok(health) => {
                memory.push((name.as_str(), health.memory_bytes));
                let summary = format!("the model {name}: {}", health.summary());
                match health.advice() {
                    Some(advice) => Diagnostic::hint(format!("{summary}; {advice}")),
                    None => Diagnostic::good(summary),
                }
            }
        });
    }
    let limit = unit.lines().find_map(|line| line.strip_prefix("MemoryMax=")?.parse().ok());
    diagnostics.extend(limit.and_then(|limit| fit(&memory, limit)));
    diagnostics
}

/// Why the service cannot read a file that this user can.
fn hidden(file: &Path) -> Option<String> {
    let real = file.canonicalize().ok()?;
    let shown = file.display();
    if let Some(folder) = HIDDEN.iter().find(|folder| real.starts_with(folder)) {
        return Some(format!("the service cannot see files in {folder}, and {shown} is one"));
    }
    // Folders must be searchable, and the file readable, for a user who owns neither.
    let may = |path: &PathBuf, bit| fs::metadata(path).is_ok_and(|about| about.permissions().mode() & bit != 0);
    let is_readable = may(&real, 0o044) && real.ancestors().skip(1).all(|folder| may(&folder.to_owned(), 0o011));
    (!is_readable).then(|| format!("the service runs as a user who may not read {shown}"))
}

/// Whether networks that take this much fit beside fovea into what the service may use; `None` if they do.
fn fit(networks: &[(&str, u64)], limit: u64) -> Option<Diagnostic> {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let left = limit.saturating_sub(OWN_BYTES);
    let advice = "use a smaller network, or raise MemoryMax= with `systemctl edit fovea`";
    if let Some((name, bytes)) = networks.iter().find(|(_, bytes)| *bytes > left) {
        return Some(Diagnostic::bad(format!(
            "the model {name} takes {} MiB and fovea itself up to {}, but the service may use {} MiB: {advice}",
            mib(*bytes),
            mib(OWN_BYTES),
            mib(limit)
        )));
    }
    let sum = networks.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    (sum > left).then(|| {
        Diagnostic::hint(format!(
            "all models together take {} MiB and fovea itself up to {}, but the service may use {} MiB: do not use all of them \
             at once, {advice}",
            mib(sum),
            mib(OWN_BYTES),
            mib(limit)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(networks: &[(&str, u64)], limit: u64) -> Option<String> {
        let mib: Vec<_> = networks.iter().map(|(name, mib)| (*name, mib << 20)).collect();
        fit(&mib, limit << 20).map(|diagnostic| diagnostic.to_string())
    }

    #[test]
    fn what_the_service_cannot_see_is_told() {
        assert_eq!(hidden(Path::new("/etc/passwd")), None);
        let folder = Path::new("/tmp").join(format!("fovea-models-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let reason = hidden(&folder).unwrap();
        fs::remove_dir(&folder).unwrap();
        assert!(reason.starts_with("the service cannot see files in /tmp, and /tmp/fovea-models-"), "{reason}");
        let own = Path::new("/dev/disk-that-nobody-has");
        assert_eq!(hidden(own), None, "its absence is told otherwise");
    }

    #[test]
    fn networks_must_fit_beside_fovea() {
        assert_eq!(text(&[], 1), None);
        assert_eq!(text(&[("a", 80), ("b", 70)], 214), None);
        let alone = text(&[("a", 80), ("b", 151)], 214).expect("one does not fit");
        let expected = "bad   the model b takes 151 MiB and fovea itself up to 64, but the service may use 214 MiB: ";
        assert!(alone.starts_with(expected), "{alone}");
        let together = text(&[("a", 80), ("b", 71)], 214).expect("both do not fit");
        assert!(together.starts_with("hint  all models together take 151 MiB"), "{together}");
        let huge = u64::MAX >> 20;
        assert!(text(&[("a", huge), ("b", huge)], huge).is_some());
    }
}
