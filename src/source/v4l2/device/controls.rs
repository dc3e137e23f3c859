//! What can be set on a device: the controls that it has, and their values.

use nix::errno::Errno;
use v4l::{
    v4l_sys::{
        V4L2_CTRL_FLAG_DISABLED, V4L2_CTRL_FLAG_INACTIVE, V4L2_CTRL_FLAG_NEXT_CTRL, V4L2_CTRL_FLAG_READ_ONLY,
        V4L2_CTRL_FLAG_WRITE_ONLY, v4l2_ext_control, v4l2_query_ext_ctrl, v4l2_querymenu,
    },
    v4l2::vidioc,
};

use super::{
    Device, MOST,
    kernel::{self, text, zero},
};
use crate::source::v4l2::{
    controls::spelt,
    description::{Control, ControlKind, MenuEntry},
};

const CTRL_TYPE_INTEGER64: u32 = 5; // V4L2_CTRL_TYPE_INTEGER64

impl Device {
    /// All that can be set and has one value.
    pub fn controls(&self) -> Vec<Control> {
        let mut controls = Vec::new();
        let mut before = 0;
        for _ in 0..MOST {
            let Ok(found) = self.query(before | V4L2_CTRL_FLAG_NEXT_CTRL) else { break };
            controls.extend(self.control(&found));
            before = found.id;
        }
        controls
    }

    fn control(&self, found: &v4l2_query_ext_ctrl) -> Option<Control> {
        let kind = match found.type_ {
            1 | CTRL_TYPE_INTEGER64 => ControlKind::Integer,
            2 => ControlKind::Boolean,
            3 => ControlKind::Menu,
            4 => ControlKind::Button,
            8 => ControlKind::Bitmask,
            9 => ControlKind::IntegerMenu,
            _ => return None, // a heading, a text, or several values at once
        };
        let has = |flag: u32| found.flags & flag != 0;
        if has(V4L2_CTRL_FLAG_DISABLED) || found.nr_of_dims > 0 {
            return None;
        }
        let name: Vec<u8> = found.name.iter().map(|&letter| letter.to_ne_bytes()[0]).collect();
        let is_menu = matches!(kind, ControlKind::Menu | ControlKind::IntegerMenu);
        let is_read = !has(V4L2_CTRL_FLAG_WRITE_ONLY) && kind != ControlKind::Button;
        Some(Control {
            id: found.id,
            name: spelt(&text(&name)),
            kind,
            min: found.minimum,
            max: found.maximum,
            step: found.step,
            default: found.default_value,
            value: is_read.then(|| self.value_of(found).ok()).flatten(),
            menu: if is_menu { self.menu(found, kind) } else { Vec::new() },
            read_only: has(V4L2_CTRL_FLAG_READ_ONLY),
            inactive: has(V4L2_CTRL_FLAG_INACTIVE),
        })
    }

    fn menu(&self, control: &v4l2_query_ext_ctrl, kind: ControlKind) -> Vec<MenuEntry> {
        let ends = [control.minimum, control.maximum].map(|end| u32::try_from(end).unwrap_or(0));
        let entry = |index| {
            let mut found = v4l2_querymenu { id: control.id, index, ..zero() };
            self.ask(vidioc::VIDIOC_QUERYMENU, &mut found).ok()?; // menus have gaps
            let name = kernel::entry(&found, kind == ControlKind::IntegerMenu);
            Some(MenuEntry { index, name })
        };
        (ends[0]..=ends[1].min(ends[0].saturating_add(MOST))).filter_map(entry).collect()
    }

    /// A control's value now.
    ///
    /// # Errors
    /// When it cannot be read, or not at the moment.
    pub fn value(&self, id: u32) -> Result<i64, Errno> {
        self.value_of(&self.query(id)?)
    }

    fn value_of(&self, found: &v4l2_query_ext_ctrl) -> Result<i64, Errno> {
        let mut control = v4l2_ext_control { id: found.id, ..zero() };
        self.ask(vidioc::VIDIOC_G_EXT_CTRLS, &mut control)?;
        Ok(kernel::value(&control, is_wide(found)))
    }

    /// Sets a control.
    ///
    /// # Errors
    /// When the driver does not take it, or not at the moment.
    pub fn set_value(&self, id: u32, value: i64) -> Result<(), Errno> {
        let mut control = v4l2_ext_control { id, ..zero() };
        if is_wide(&self.query(id)?) {
            control.__bindgen_anon_1.value64 = value;
        } else {
            control.__bindgen_anon_1.value = i32::try_from(value).map_err(|_| Errno::ERANGE)?;
        }
        self.ask(vidioc::VIDIOC_S_EXT_CTRLS, &mut control)
    }

    fn query(&self, id: u32) -> Result<v4l2_query_ext_ctrl, Errno> {
        let mut found = v4l2_query_ext_ctrl { id, ..zero() };
        self.ask(vidioc::VIDIOC_QUERY_EXT_CTRL, &mut found)?;
        Ok(found)
    }
}

/// Whether a control's values have 64 bits.
fn is_wide(control: &v4l2_query_ext_ctrl) -> bool {
    control.type_ == CTRL_TYPE_INTEGER64
}
