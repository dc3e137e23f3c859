//! Plans which controls to set: finds them by name, checks ranges and menus, and explains what does not fit. Pure.

use std::{collections::BTreeMap, fmt};

use super::description::{Control, ControlKind};
use crate::config::ControlValue;

/// The configured values, by the names of the controls.
pub type ControlValues = BTreeMap<String, ControlValue>;

/// Returns a control's name as the configuration spells it: lower-case letters and digits, with one `_` between words.
///
/// `Exposure Time, Absolute` becomes `exposure_time_absolute`, as in `v4l2-ctl`.
#[must_use]
pub fn normalize_name(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

/// A control and the value to set it to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting<'c> {
    /// The control.
    pub control: &'c Control,
    /// The value as the driver takes it.
    pub value: i64,
}

/// Why a control does not have its configured value, and which values it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch(String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the settings in the order in which to make them, and the values that do not fit their controls.
///
/// Switches and menus go before numbers: while a camera is in an automatic mode, it rejects the number that the mode
/// controls, such as the exposure time.
#[must_use]
pub fn plan<'c>(offered: &'c [Control], wanted: &ControlValues) -> (Vec<Setting<'c>>, Vec<Mismatch>) {
    let (mut settings, mut mismatches) = (Vec::new(), Vec::new());
    for (name, value) in wanted {
        match find_control(offered, name).and_then(|control| check_value(control, value)) {
            Ok(setting) => settings.push(setting),
            Err(mismatch) => mismatches.push(mismatch),
        }
    }
    let is_switch = |setting: &Setting<'_>| {
        matches!(setting.control.kind, ControlKind::Boolean | ControlKind::Menu | ControlKind::IntegerMenu)
    };
    settings.sort_by_key(|setting| !is_switch(setting));
    (settings, mismatches)
}

/// Compares the value that was read back with the one that was set. Returns `None` if they are the same.
#[must_use]
pub fn compare(setting: &Setting<'_>, actual: i64) -> Option<Mismatch> {
    let Setting { control, value } = setting;
    if actual == *value || control.kind == ControlKind::Button {
        return None;
    }
    let (name, wanted, actual) = (&control.name, format_value(control, *value), format_value(control, actual));
    Some(Mismatch(format!("{name} is {actual} instead of {wanted}; it accepts {}", accepted_values(control))))
}

/// Explains that the driver rejected a value.
#[must_use]
pub fn rejected(setting: &Setting<'_>, why: &dyn fmt::Display, is_inactive: bool) -> Mismatch {
    let Setting { control, value } = setting;
    let hint = if is_inactive { "; another control overrides it now, usually one with auto in its name" } else { "" };
    let (name, wanted) = (&control.name, format_value(control, *value));
    Mismatch(format!("the driver refuses {name} = {wanted}: {why}{hint}; it accepts {}", accepted_values(control)))
}

/// Describes the values that a control accepts: `0 to 250 in steps of 5, default 0`.
#[must_use]
pub fn accepted_values(control: &Control) -> String {
    let Control { min, max, step, default, menu, .. } = control;
    let default_value = format_value(control, *default);
    match control.kind {
        ControlKind::Boolean => format!("true or false, default {default_value}"),
        ControlKind::Button => "any value triggers it".to_owned(),
        ControlKind::Menu | ControlKind::IntegerMenu => {
            let entries: Vec<_> = menu.iter().map(|entry| format!("{} ({:?})", entry.index, entry.name)).collect();
            format!("{}, default {default_value}", entries.join(", "))
        }
        ControlKind::Bitmask => format!("bits up to {max:#x}, default {default:#x}"),
        ControlKind::Integer if *step > 1 => format!("{min} to {max} in steps of {step}, default {default_value}"),
        ControlKind::Integer => format!("{min} to {max}, default {default_value}"),
    }
}

fn find_control<'c>(offered: &'c [Control], name: &str) -> Result<&'c Control, Mismatch> {
    let distance = |control: &&Control| strsim::damerau_levenshtein(&control.name, name);
    if let Some(control) = offered.iter().find(|control| control.name == name) {
        return Ok(control);
    }
    let settable = || offered.iter().filter(|control| !control.read_only);
    let near = settable().min_by_key(distance).filter(|control| distance(control) * 3 <= control.name.len());
    Err(Mismatch(match near {
        Some(near) => format!("it has no control {name}; did you mean {}?", near.name),
        None => {
            let names: Vec<_> = settable().map(|control| &*control.name).collect();
            let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            format!("it has no control {name}; it has {has}")
        }
    }))
}

fn check_value<'c>(control: &'c Control, value: &ControlValue) -> Result<Setting<'c>, Mismatch> {
    let mismatch =
        || Mismatch(format!("{} = {value} cannot be set; it accepts {}", control.name, accepted_values(control)));
    if control.read_only {
        return Err(Mismatch(format!("{} is read only", control.name)));
    }
    let is_menu = matches!(control.kind, ControlKind::Menu | ControlKind::IntegerMenu);
    let value = match value {
        ControlValue::Flag(_) if is_menu => return Err(mismatch()),
        ControlValue::Flag(flag) => i64::from(*flag),
        ControlValue::Number(number) if is_menu => {
            // In an integer menu the number may be an entry's name.
            let named = |text: &str| control.menu.iter().find(|entry| entry.name == text);
            let by_index = control.menu.iter().find(|entry| i64::from(entry.index) == *number);
            by_index.or_else(|| named(&number.to_string())).map(|entry| entry.index.into()).ok_or_else(mismatch)?
        }
        ControlValue::Number(number) => *number,
        ControlValue::Text(text) => {
            let same = |name: &str| {
                name == text || normalize_name(name) == normalize_name(text) && !normalize_name(text).is_empty()
            };
            control.menu.iter().find(|entry| same(&entry.name)).map(|entry| entry.index.into()).ok_or_else(mismatch)?
        }
    };
    if control.kind == ControlKind::Button {
        return Ok(Setting { control, value });
    }
    let in_range = (control.min..=control.max).contains(&value);
    let offset = value.abs_diff(control.min);
    let in_step = control.kind != ControlKind::Integer || offset.is_multiple_of(control.step.max(1));
    // The minimum and maximum of a bitmask are no range: the driver checks it.
    if control.kind == ControlKind::Bitmask || in_range && in_step {
        Ok(Setting { control, value })
    } else {
        Err(mismatch())
    }
}

/// Formats a value as the configuration spells it: `true`, `128`, `"Manual Mode"`.
#[must_use]
pub fn format_value(control: &Control, value: i64) -> String {
    match control.kind {
        ControlKind::Boolean => (value != 0).to_string(),
        ControlKind::Menu | ControlKind::IntegerMenu => {
            let entry = control.menu.iter().find(|entry| i64::from(entry.index) == value);
            entry.map_or_else(|| value.to_string(), |entry| format!("{:?}", entry.name))
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::v4l2::{description::Description, recorded};

    fn number(number: i64) -> ControlValue {
        ControlValue::Number(number)
    }

    fn text(text: &str) -> ControlValue {
        ControlValue::Text(text.to_owned())
    }

    /// Returns the planned settings as `name = number`, and the mismatches.
    fn planned(camera: &Description, wanted: &[(&str, ControlValue)]) -> (Vec<String>, Vec<String>) {
        let wanted = wanted.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let (settings, mismatches) = plan(&camera.controls, &wanted);
        let settings = settings.iter().map(|one| format!("{} = {}", one.control.name, one.value)).collect();
        (settings, mismatches.iter().map(ToString::to_string).collect())
    }

    fn mismatch(camera: &str, name: &str, value: ControlValue) -> String {
        planned(&recorded(camera), &[(name, value)]).1.concat()
    }

    #[test]
    fn switches_are_set_before_the_numbers_that_they_control() {
        let wanted = [
            ("exposure_time_absolute", number(300)),
            ("gain", number(0)),
            ("auto_exposure", text("Manual Mode")),
            ("white_balance_automatic", ControlValue::Flag(false)),
            ("white_balance_temperature", number(4600)),
        ];
        let (settings, mismatches) = planned(&recorded("logitech-c920"), &wanted);
        assert_eq!(mismatches, Vec::<String>::new());
        let expected = [
            "auto_exposure = 1",
            "white_balance_automatic = 0",
            "exposure_time_absolute = 300",
            "gain = 0",
            "white_balance_temperature = 4600",
        ];
        assert_eq!(settings, expected);
    }

    #[test]
    fn a_menu_entry_is_found_by_name_or_number() {
        let manual = |camera: &str| planned(&recorded(camera), &[("auto_exposure", text("manual mode"))]).0.concat();
        assert_eq!(manual("generic-usb-720p"), "auto_exposure = 1");
        assert_eq!(manual("playstation-eye"), "auto_exposure = 1");
        let pi = recorded("raspberry-pi-camera-v1");
        let set = |name, value| planned(&pi, &[(name, value)]).0.concat();
        assert_eq!(set("iso_sensitivity", number(3)), "iso_sensitivity = 3", "the entry's number");
        assert_eq!(
            set("iso_sensitivity", number(400_000)),
            "iso_sensitivity = 3",
            "or its name, which is a number here"
        );
        assert_eq!(set("auto_exposure_bias", text("-1333")), "auto_exposure_bias = 8");
    }

    #[test]
    fn a_value_that_does_not_fit_is_explained_with_those_that_do() {
        let camera = "logitech-c920";
        assert_eq!(
            mismatch(camera, "brightness", number(256)),
            "brightness = 256 cannot be set; it accepts 0 to 255, default 128"
        );
        assert_eq!(
            mismatch(camera, "focus_absolute", number(33)),
            "focus_absolute = 33 cannot be set; it accepts 0 to 250 in steps of 5, default 0"
        );
        assert_eq!(
            mismatch(camera, "pan_absolute", number(-36_001)),
            "pan_absolute = -36001 cannot be set; it accepts -36000 to 36000 in steps of 3600, default 0"
        );
        let menu = "it accepts 1 (\"Manual Mode\"), 3 (\"Aperture Priority Mode\"), default \"Aperture Priority Mode\"";
        for value in [number(2), text("Auto"), ControlValue::Flag(true)] {
            let expected = format!("auto_exposure = {value} cannot be set; {menu}");
            assert_eq!(mismatch(camera, "auto_exposure", value), expected, "no such entry");
        }
        assert_eq!(
            mismatch(camera, "white_balance_automatic", text("on")),
            "white_balance_automatic = \"on\" cannot be set; it accepts true or false, default true"
        );
        assert_eq!(mismatch(camera, "sharpnes", number(3)), "it has no control sharpnes; did you mean sharpness?");
        let unknown = mismatch("playstation-eye", "zoom_absolute", number(3));
        assert!(unknown.starts_with("it has no control zoom_absolute; it has brightness, contrast, "), "{unknown}");
        let mut camera = recorded(camera);
        camera.controls[0].read_only = true;
        let (settings, mismatches) = planned(&camera, &[("brightness", number(3))]);
        assert_eq!((settings.concat(), mismatches.concat()), (String::new(), "brightness is read only".to_owned()));
    }

    #[test]
    fn a_value_is_read_back_as_it_was_set_or_explained() {
        let camera = recorded("logitech-c270");
        let find = |name: &str| camera.controls.iter().find(|control| control.name == name).unwrap();
        let setting = Setting { control: find("white_balance_temperature"), value: 4600 };
        assert_eq!(compare(&setting, 4600), None);
        assert_eq!(
            compare(&setting, 4000).unwrap().to_string(),
            "white_balance_temperature is 4000 instead of 4600; it accepts 0 to 10000 in steps of 10, default 4000"
        );
        let setting = Setting { control: find("auto_exposure"), value: 1 };
        assert_eq!(
            rejected(&setting, &"permission denied", true).to_string(),
            "the driver refuses auto_exposure = \"Manual Mode\": permission denied; another control overrides it now, usually one \
             with auto in its name; it accepts 1 (\"Manual Mode\"), 3 (\"Aperture Priority Mode\"), default \"Aperture Priority Mode\""
        );
    }

    #[test]
    fn a_menu_entry_is_quoted_as_in_the_configuration() {
        let mut camera = recorded("logitech-c920");
        let control = camera.controls.iter_mut().find(|control| control.name == "auto_exposure").unwrap();
        control.menu[0].name = "Jürgen's \"own\"\t".into();
        assert_eq!(format_value(control, 1), r#""Jürgen's \"own\"\t""#);
        let expected = r#"1 ("Jürgen's \"own\"\t"), 3 ("Aperture Priority Mode"), default "Aperture Priority Mode""#;
        assert_eq!(accepted_values(control), expected);
    }

    #[test]
    fn names_are_normalized_as_v4l2_ctl_does_it() {
        for (name, expected) in [
            ("Exposure Time, Absolute", "exposure_time_absolute"),
            ("White Balance, Automatic", "white_balance_automatic"),
            ("Focus, Automatic Continuous", "focus_automatic_continuous"),
            ("Inject V4L2_BUF_FLAG_ERROR", "inject_v4l2_buf_flag_error"),
        ] {
            assert_eq!(normalize_name(name), expected);
        }
    }
}
