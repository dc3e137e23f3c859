//! Checks the systemd unit: whether it runs, starts at boot, restarts, and has a watchdog; and the board's watchdog.

use std::{collections::BTreeMap, path::Path};

use super::{Diagnostic, Machine, output};

pub(super) fn check(_: &Machine) -> Vec<Diagnostic> {
    let Some(unit) = Unit::query() else {
        return vec![Diagnostic::hint("cannot check the service: systemctl gives no answer")];
    };
    if unit.property("LoadState") != "loaded" {
        return vec![Diagnostic::hint("there is no fovea.service: install the package to run fovea as a service")];
    }
    [unit.runs(), unit.enabled_at_boot(), unit.restarts(), unit.watchdog(), hardware_watchdog()]
        .into_iter()
        .flatten()
        .collect()
}

/// Properties of `fovea.service`, by name.
#[derive(Debug)]
struct Unit(BTreeMap<String, String>);

impl Unit {
    const PROPERTIES: &str = "--property=LoadState,ActiveState,StatusText,Result,UnitFileState,NRestarts,WatchdogUSec";

    fn query() -> Option<Self> {
        let text = output("systemctl", &["show", Self::PROPERTIES, "fovea.service"])?;
        let properties = text.lines().filter_map(|line| line.split_once('='));
        Some(Self(properties.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }

    fn property(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    fn runs(&self) -> Option<Diagnostic> {
        Some(match (self.property("ActiveState"), self.property("StatusText"), self.property("Result")) {
            ("active" | "reloading", "", _) => Diagnostic::good("fovea.service runs"),
            ("active" | "reloading", status, _) => Diagnostic::good(format!("fovea.service runs: {status}")),
            (state, _, result) => Diagnostic::bad(format!(
                "fovea.service is {state} (result: {result}); `journalctl -u fovea` says why, and `systemctl start fovea` starts it"
            )),
        })
    }

    fn enabled_at_boot(&self) -> Option<Diagnostic> {
        (!self.property("UnitFileState").starts_with("enabled"))
            .then(|| Diagnostic::hint("fovea does not start at boot; run `systemctl enable fovea` if it should"))
    }

    fn restarts(&self) -> Option<Diagnostic> {
        match self.property("NRestarts") {
            "0" | "" => None,
            count => Some(Diagnostic::hint(format!(
                "systemd has restarted fovea {count} times; `journalctl -u fovea -p err` says why"
            ))),
        }
    }

    fn watchdog(&self) -> Option<Diagnostic> {
        Some(match self.property("WatchdogUSec") {
            "0" | "" | "infinity" => Diagnostic::hint(
                "systemd does not restart fovea if it stands still; set WatchdogSec=20 with `systemctl edit fovea`",
            ),
            time => {
                Diagnostic::good(format!("systemd restarts fovea if it stands still: fovea must report every {time}"))
            }
        })
    }
}

/// The board's own watchdog, which resets it if systemd itself stands still.
fn hardware_watchdog() -> Option<Diagnostic> {
    if !Path::new("/dev/watchdog").exists() {
        return None;
    }
    let time = output("systemctl", &["show", "--property=RuntimeWatchdogUSec", "--value"])?;
    Some(match &*time {
        "0" | "" | "off" | "infinity" => Diagnostic::hint(
            "the board's hardware watchdog is off; to use it, set RuntimeWatchdogSec=15 in the section [Manager] of \
             /etc/systemd/system.conf.d/watchdog.conf and reboot",
        ),
        time => Diagnostic::good(format!(
            "the board's hardware watchdog resets the board if systemd stands still for {time}"
        )),
    })
}
