//! The controls of a device: enumerates, reads and sets them.

use nix::errno::Errno;
use v4l::{
    v4l_sys::{
        V4L2_CTRL_FLAG_DISABLED, V4L2_CTRL_FLAG_INACTIVE, V4L2_CTRL_FLAG_NEXT_CTRL, V4L2_CTRL_FLAG_READ_ONLY,
        V4L2_CTRL_FLAG_WRITE_ONLY, v4l2_ext_control, v4l2_query_ext_ctrl, v4l2_querymenu,
    },
    v4l2::vidioc,
};

use super::{
    Device, MAX_ITEMS,
    kernel::{self, text, zero},
};
use crate::source::v4l2::{
    control_plan::normalize_name,
    description::{Control, ControlKind, MenuEntry},
};

const CTRL_TYPE_INTEGER64: u32 = 5; // V4L2_CTRL_TYPE_INTEGER64

impl Device {
    /// Enumerates the controls that have a single value.
    pub fn controls(&self) -> Vec<Control> {
        let mut controls = Vec::new();
        let mut last_id = 0;
        for _ in 0..MAX_ITEMS {
            let Ok(found) = self.query(last_id | V4L2_CTRL_FLAG_NEXT_CTRL) else { break };
            controls.extend(self.describe_control(&found));
            last_id = found.id;
        }
        controls
    }

    fn describe_control(&self, found: &v4l2_query_ext_ctrl) -> Option<Control> {
        let kind = match found.type_ {
            1 | CTRL_TYPE_INTEGER64 => ControlKind::Integer,
            2 => ControlKind::Boolean,
            3 => ControlKind::Menu,
            4 => ControlKind::Button,
            8 => ControlKind::Bitmask,
            9 => ControlKind::IntegerMenu,
            _ => return None, // a heading, a string, or a compound value
        };
        let has = |flag: u32| found.flags & flag != 0;
        if has(V4L2_CTRL_FLAG_DISABLED) || found.nr_of_dims > 0 {
            return None;
        }
        let name: Vec<u8> = found.name.iter().map(|&letter| letter.to_ne_bytes()[0]).collect();
        let is_menu = matches!(kind, ControlKind::Menu | ControlKind::IntegerMenu);
        let is_readable = !has(V4L2_CTRL_FLAG_WRITE_ONLY) && kind != ControlKind::Button;
        Some(Control {
            id: found.id,
            name: normalize_name(&text(&name)),
            kind,
            min: found.minimum,
            max: found.maximum,
            step: found.step,
            default: found.default_value,
            value: is_readable.then(|| self.value_of(found).ok()).flatten(),
            menu: if is_menu { self.menu_entries(found, kind) } else { Vec::new() },
            read_only: has(V4L2_CTRL_FLAG_READ_ONLY),
            inactive: has(V4L2_CTRL_FLAG_INACTIVE),
        })
    }

    fn menu_entries(&self, control: &v4l2_query_ext_ctrl, kind: ControlKind) -> Vec<MenuEntry> {
        let [first, last] = [control.minimum, control.maximum].map(|index| u32::try_from(index).unwrap_or(0));
        let entry = |index| {
            let mut found = v4l2_querymenu { id: control.id, index, ..zero() };
            self.ioctl(vidioc::VIDIOC_QUERYMENU, &mut found).ok()?; // an index without an entry
            let name = kernel::menu_entry_name(&found, kind == ControlKind::IntegerMenu);
            Some(MenuEntry { index, name })
        };
        (first..=last.min(first.saturating_add(MAX_ITEMS))).filter_map(entry).collect()
    }

    /// Reads the value of a control.
    ///
    /// # Errors
    /// Fails if the control cannot be read, or not at the moment.
    pub fn value(&self, id: u32) -> Result<i64, Errno> {
        self.value_of(&self.query(id)?)
    }

    fn value_of(&self, found: &v4l2_query_ext_ctrl) -> Result<i64, Errno> {
        let mut control = v4l2_ext_control { id: found.id, ..zero() };
        self.ioctl(vidioc::VIDIOC_G_EXT_CTRLS, &mut control)?;
        Ok(kernel::control_value(&control, is_64_bit(found)))
    }

    /// Sets the value of a control.
    ///
    /// # Errors
    /// Fails with `ERANGE` if the control has 32 bits and the value more; otherwise if the driver rejects the value.
    pub fn set_value(&self, id: u32, value: i64) -> Result<(), Errno> {
        let mut control = v4l2_ext_control { id, ..zero() };
        if is_64_bit(&self.query(id)?) {
            control.__bindgen_anon_1.value64 = value;
        } else {
            control.__bindgen_anon_1.value = i32::try_from(value).map_err(|_| Errno::ERANGE)?;
        }
        self.ioctl(vidioc::VIDIOC_S_EXT_CTRLS, &mut control)
    }

    fn query(&self, id: u32) -> Result<v4l2_query_ext_ctrl, Errno> {
        let mut found = v4l2_query_ext_ctrl { id, ..zero() };
        self.ioctl(vidioc::VIDIOC_QUERY_EXT_CTRL, &mut found)?;
        Ok(found)
    }
}

fn is_64_bit(control: &v4l2_query_ext_ctrl) -> bool {
    control.type_ == CTRL_TYPE_INTEGER64
}
