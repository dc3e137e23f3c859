//! What is to be set on a camera, held against what can be set. Pure: finding by name, ranges, menus, and the words.

use std::{collections::BTreeMap, fmt};

use super::description::{Control, ControlKind};
use crate::config::ControlValue;

/// What is to be set, by the controls' names.
pub type Wanted = BTreeMap<String, ControlValue>;

/// A control's name as configurations spell it: small letters and digits with one `_` between words.
///
/// `Exposure Time, Absolute` is `exposure_time_absolute`, as `v4l2-ctl` spells it too.
#[must_use]
pub fn spelt(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

/// A control that is to be set, and to what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting<'c> {
    /// Which.
    pub control: &'c Control,
    /// The driver's number for it.
    pub value: i64,
}

/// A control that cannot be set as wanted: what is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch(String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What to set, in the order in which to do it, and what cannot be set at all.
///
/// What switches something between automatic and manual goes before the numbers: while a camera exposes by itself, it
/// does not take an exposure time.
#[must_use]
pub fn plan<'c>(offered: &'c [Control], wanted: &Wanted) -> (Vec<Setting<'c>>, Vec<Mismatch>) {
    let (mut settings, mut mismatches) = (Vec::new(), Vec::new());
    for (name, value) in wanted {
        match find(offered, name).and_then(|control| setting(control, value)) {
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

/// What is told when a control has another value than it was set to; `None` if it is as it should be.
#[must_use]
pub fn reading(setting: &Setting<'_>, found: i64) -> Option<Mismatch> {
    let Setting { control, value } = setting;
    if found == *value || control.kind == ControlKind::Button {
        return None;
    }
    let (name, wanted, found) = (&control.name, in_words(control, *value), in_words(control, found));
    Some(Mismatch(format!("{name} is {found} and not {wanted}; it takes {}", takes(control))))
}

/// What is told when the driver does not take a value.
#[must_use]
pub fn refused(setting: &Setting<'_>, why: &dyn fmt::Display, is_inactive: bool) -> Mismatch {
    let Setting { control, value } = setting;
    let hint = if is_inactive { "; another control rules it now, mostly one with auto in its name" } else { "" };
    let (name, wanted) = (&control.name, in_words(control, *value));
    Mismatch(format!("{name} = {wanted} was not taken: {why}{hint}; it takes {}", takes(control)))
}

/// The values that a control takes, in words: `0 to 255 in steps of 1, usually 128`.
#[must_use]
pub fn takes(control: &Control) -> String {
    let Control { min, max, step, default, menu, .. } = control;
    let usually = in_words(control, *default);
    match control.kind {
        ControlKind::Boolean => format!("true or false, usually {usually}"),
        ControlKind::Button => "any value, which sets it off".to_owned(),
        ControlKind::Menu | ControlKind::IntegerMenu => {
            let entries: Vec<_> = menu.iter().map(|entry| format!("{} ({:?})", entry.index, entry.name)).collect();
            format!("{}, usually {usually}", entries.join(", "))
        }
        ControlKind::Bitmask => format!("bits up to {max:#x}, usually {default:#x}"),
        ControlKind::Integer if *step > 1 => format!("{min} to {max} in steps of {step}, usually {usually}"),
        ControlKind::Integer => format!("{min} to {max}, usually {usually}"),
    }
}

fn find<'c>(offered: &'c [Control], name: &str) -> Result<&'c Control, Mismatch> {
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
            let has = if names.is_empty() { "none at all".to_owned() } else { names.join(", ") };
            format!("it has no control {name}; it has {has}")
        }
    }))
}

fn setting<'c>(control: &'c Control, value: &ControlValue) -> Result<Setting<'c>, Mismatch> {
    let wrong = || Mismatch(format!("{} = {value} cannot be set; it takes {}", control.name, takes(control)));
    if control.read_only {
        return Err(Mismatch(format!("{} can only be read", control.name)));
    }
    let is_menu = matches!(control.kind, ControlKind::Menu | ControlKind::IntegerMenu);
    let value = match value {
        ControlValue::Flag(_) if is_menu => return Err(wrong()),
        ControlValue::Flag(flag) => i64::from(*flag),
        ControlValue::Number(number) if is_menu => {
            // Of menus whose entries are numbers, one may be meant.
            let named = |text: &str| control.menu.iter().find(|entry| entry.name == text);
            let by_index = control.menu.iter().find(|entry| i64::from(entry.index) == *number);
            by_index.or_else(|| named(&number.to_string())).map(|entry| entry.index.into()).ok_or_else(wrong)?
        }
        ControlValue::Number(number) => *number,
        ControlValue::Text(text) => {
            let same = |name: &str| name == text || spelt(name) == spelt(text) && !spelt(text).is_empty();
            control.menu.iter().find(|entry| same(&entry.name)).map(|entry| entry.index.into()).ok_or_else(wrong)?
        }
    };
    if control.kind == ControlKind::Button {
        return Ok(Setting { control, value });
    }
    let in_range = (control.min..=control.max).contains(&value);
    let offset = value.abs_diff(control.min);
    let in_step = control.kind != ControlKind::Integer || offset.is_multiple_of(control.step.max(1));
    // A bitmask's least and greatest are no range; that the driver judges.
    if control.kind == ControlKind::Bitmask || in_range && in_step {
        Ok(Setting { control, value })
    } else {
        Err(wrong())
    }
}

/// A value as configurations spell it: `true`, `128`, `"Manual Mode"`.
#[must_use]
pub fn in_words(control: &Control, value: i64) -> String {
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

    /// What is set, as `name = number`, and what is not.
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
    fn what_switches_goes_before_what_it_switches() {
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
    fn a_menu_is_set_by_name_or_number_as_each_camera_has_them() {
        let manual = |camera: &str| planned(&recorded(camera), &[("auto_exposure", text("manual mode"))]).0.concat();
        assert_eq!(manual("generic-usb-720p"), "auto_exposure = 1");
        assert_eq!(manual("playstation-eye"), "auto_exposure = 1");
        let pi = recorded("raspberry-pi-camera-v1");
        let set = |name, value| planned(&pi, &[(name, value)]).0.concat();
        assert_eq!(set("iso_sensitivity", number(3)), "iso_sensitivity = 3", "the entry's number");
        assert_eq!(set("iso_sensitivity", number(400_000)), "iso_sensitivity = 3", "or what stands there");
        assert_eq!(set("auto_exposure_bias", text("-1333")), "auto_exposure_bias = 8");
    }

    #[test]
    fn what_cannot_be_set_is_told_with_what_can() {
        let camera = "logitech-c920";
        assert_eq!(
            mismatch(camera, "brightness", number(256)),
            "brightness = 256 cannot be set; it takes 0 to 255, usually 128"
        );
        assert_eq!(
            mismatch(camera, "focus_absolute", number(33)),
            "focus_absolute = 33 cannot be set; it takes 0 to 250 in steps of 5, usually 0"
        );
        assert_eq!(
            mismatch(camera, "pan_absolute", number(-36_001)),
            "pan_absolute = -36001 cannot be set; it takes -36000 to 36000 in steps of 3600, usually 0"
        );
        let menu = "it takes 1 (\"Manual Mode\"), 3 (\"Aperture Priority Mode\"), usually \"Aperture Priority Mode\"";
        for value in [number(2), text("Auto"), ControlValue::Flag(true)] {
            let expected = format!("auto_exposure = {value} cannot be set; {menu}");
            assert_eq!(mismatch(camera, "auto_exposure", value), expected, "a gap, or none of them");
        }
        assert_eq!(
            mismatch(camera, "white_balance_automatic", text("on")),
            "white_balance_automatic = \"on\" cannot be set; it takes true or false, usually true"
        );
        assert_eq!(mismatch(camera, "sharpnes", number(3)), "it has no control sharpnes; did you mean sharpness?");
        let unknown = mismatch("playstation-eye", "zoom_absolute", number(3));
        assert!(unknown.starts_with("it has no control zoom_absolute; it has brightness, contrast, "), "{unknown}");
        let mut camera = recorded(camera);
        camera.controls[0].read_only = true;
        let (set, told) = planned(&camera, &[("brightness", number(3))]);
        assert_eq!((set.concat(), told.concat()), (String::new(), "brightness can only be read".to_owned()));
    }

    #[test]
    fn what_is_read_back_must_be_what_was_set() {
        let camera = recorded("logitech-c270");
        let find = |name: &str| camera.controls.iter().find(|control| control.name == name).unwrap();
        let setting = Setting { control: find("white_balance_temperature"), value: 4600 };
        assert_eq!(reading(&setting, 4600), None);
        assert_eq!(
            reading(&setting, 4000).unwrap().to_string(),
            "white_balance_temperature is 4000 and not 4600; it takes 0 to 10000 in steps of 10, usually 4000"
        );
        let setting = Setting { control: find("auto_exposure"), value: 1 };
        assert_eq!(
            refused(&setting, &"permission denied", true).to_string(),
            "auto_exposure = \"Manual Mode\" was not taken: permission denied; another control rules it now, mostly one with \
             auto in its name; it takes 1 (\"Manual Mode\"), 3 (\"Aperture Priority Mode\"), usually \"Aperture Priority Mode\""
        );
    }

    #[test]
    fn an_entry_is_shown_as_it_can_be_written_in_a_configuration() {
        let mut camera = recorded("logitech-c920");
        let control = camera.controls.iter_mut().find(|control| control.name == "auto_exposure").unwrap();
        control.menu[0].name = "Jürgen's \"own\"\t".into();
        assert_eq!(in_words(control, 1), r#""Jürgen's \"own\"\t""#);
        let expected = r#"1 ("Jürgen's \"own\"\t"), 3 ("Aperture Priority Mode"), usually "Aperture Priority Mode""#;
        assert_eq!(takes(control), expected);
    }

    #[test]
    fn names_are_spelt_as_other_tools_spell_them() {
        for (name, expected) in [
            ("Exposure Time, Absolute", "exposure_time_absolute"),
            ("White Balance, Automatic", "white_balance_automatic"),
            ("Focus, Automatic Continuous", "focus_automatic_continuous"),
            ("Inject V4L2_BUF_FLAG_ERROR", "inject_v4l2_buf_flag_error"),
        ] {
            assert_eq!(spelt(name), expected);
        }
    }
}
