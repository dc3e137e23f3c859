//! Checks the systemd unit: whether it runs, starts at boot, restarts, and has a watchdog; and the board's watchdog.

use std::{collections::BTreeMap, path::Path};

use super::{Diagnostic, Machine, output};

pub(super) fn check(_: &Machine) -> Vec<Diagnostic> {
    let Some(unit) = Unit::query() else {
        return vec![Diagnostic::hint("whether fovea runs as a service cannot be seen: systemctl does not say")];
    };
    if unit.property("LoadState") != "loaded" {
        return vec![Diagnostic::hint("fovea is no service here: its package was not installed")];
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
                "fovea.service is {state} (result: {result}); `journalctl -u fovea` says why, `systemctl start fovea` starts it"
            )),
        })
    }

    fn enabled_at_boot(&self) -> Option<Diagnostic> {
        (!self.property("UnitFileState").starts_with("enabled"))
            .then(|| Diagnostic::hint("fovea is not started at boot: `systemctl enable fovea`"))
    }

    fn restarts(&self) -> Option<Diagnostic> {
        match self.property("NRestarts") {
            "0" | "" => None,
            count => Some(Diagnostic::hint(format!(
                "fovea came back by itself {count} times since it was started; `journalctl -u fovea -p err` says why"
            ))),
        }
    }

    fn watchdog(&self) -> Option<Diagnostic> {
        Some(match self.property("WatchdogUSec") {
            "0" | "" | "infinity" => {
                Diagnostic::hint("nobody restarts fovea if it stands still: WatchdogSec= in its unit is off")
            }
            time => Diagnostic::good(format!(
                "systemd restarts fovea if it stands still: it must give a sign of life every {time}"
            )),
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
            "the board has a hardware watchdog that nobody uses: RuntimeWatchdogSec=15 in the section [Manager] of \
             /etc/systemd/system.conf.d/watchdog.conf, and a reboot",
        ),
        time => Diagnostic::good(format!("the board's hardware watchdog resets it if systemd stands still for {time}")),
    })
}
