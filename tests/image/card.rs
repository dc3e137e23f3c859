//! A card with the image, and the folder on it that an owner writes to.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::support::boards::CONFIG;

/// A card: a file that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Card {
    file: PathBuf,
}

/// Where the FAT file system begins.
const BOOT: &str = "@@4M";

/// The size of a partition's entry in the table, and where its first is.
const ENTRY_BYTES: u64 = 16;
const ENTRIES: u64 = 446;
const SECTOR_BYTES: u64 = 512;

/// Where the table has the card's number, and a FAT file system its serial number.
const NUMBER: u64 = 440;
const SERIAL: u64 = 67;

impl Card {
    /// A card that the image was just written to, as it comes.
    pub(crate) fn new(name: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION").replacen('-', "~", 1); // as Debian writes it
        let image = format!("target/images/fovea-{version}-arm64.img.xz");
        assert!(Path::new(&image).exists(), "there is no {image}: deploy/image/build makes it");
        let file = Self::place(name);
        let status = Command::new("tests/image/card").arg(image).arg(&file).status();
        assert!(status.is_ok_and(|status| status.success()), "tests/image/card can be run");
        Self { file }
    }

    /// The same, set up as most scenarios want it: with [`CONFIG`] and a key to come in by.
    pub(crate) fn set_up(name: &str) -> Self {
        let card = Self::new(name);
        card.put("fovea.toml", CONFIG);
        card.put("authorized_keys", &super::machine::public_key());
        card
    }

    /// Another card with the same on it.
    pub(crate) fn copy(&self, name: &str) -> Self {
        let file = Self::place(name);
        let status = Command::new("cp").arg("--sparse=always").args([&self.file, &file]).status();
        assert!(status.is_ok_and(|status| status.success()), "the disk has room for another card");
        Self { file }
    }

    fn place(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("card-{name}"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.file
    }

    /// Writes a file in the folder `fovea`, as an owner does at a PC.
    pub(crate) fn put(&self, name: &str, text: &str) {
        self.put_at(&format!("fovea/{name}"), text.as_bytes());
    }

    /// Writes a file anywhere in the FAT file system.
    pub(crate) fn put_at(&self, path: &str, bytes: &[u8]) {
        let mut copy = self.mtools("mcopy").args(["-o", "-", &format!("::/{path}")]).stdin(Stdio::piped()).spawn();
        let copy = copy.as_mut().expect("mtools is installed");
        copy.stdin.take().expect("piped").write_all(bytes).expect("mcopy reads it");
        assert!(copy.wait().is_ok_and(|status| status.success()), "mcopy of {path}");
    }

    /// A file of the folder `fovea`, if it is there.
    pub(crate) fn take(&self, name: &str) -> Option<String> {
        self.take_from(&format!("fovea/{name}"))
    }

    /// A file of the FAT file system, if it is there.
    pub(crate) fn take_from(&self, path: &str) -> Option<String> {
        let Output { status, stdout, .. } =
            self.mtools("mtype").arg(format!("::/{path}")).output().expect("mtools is installed");
        status.success().then(|| String::from_utf8(stdout).expect("it is text"))
    }

    /// Removes a file from the FAT file system.
    pub(crate) fn remove(&self, path: &str) {
        let status = self.mtools("mdel").arg(format!("::/{path}")).status();
        assert!(status.is_ok_and(|status| status.success()), "mdel of {path}");
    }

    fn mtools(&self, name: &str) -> Command {
        let mut image = self.file.clone().into_os_string();
        image.push(BOOT);
        let mut command = Command::new(name);
        command.arg("-i").arg(image);
        command
    }

    /// Fills a partition with rubbish, from its beginning.
    pub(crate) fn spoil(&self, partition: u64, rubbish: &[u8]) {
        self.open().write_all_at(rubbish, self.start_of(partition)).expect("the card can be written");
    }

    /// Makes a file of the folder `fovea` unreadable behind its first sector, as a card that wears out may: the file goes on there
    /// in a cluster that is none.
    pub(crate) fn spoil_file(&self, name: &str) {
        let output = self.mtools("mshowfat").arg(format!("::/fovea/{name}")).output().expect("mtools is installed");
        let clusters = String::from_utf8(output.stdout).expect("it is text");
        let first: u64 = clusters
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('-'))
            .and_then(|(first, _)| first.parse().ok())
            .unwrap_or_else(|| panic!("{name} has more than one cluster: {clusters}"));
        let fat = self.beginning(1, 512);
        let number = |at: usize| u64::from(u32::from_le_bytes(fat[at..][..4].try_into().expect("four bytes")));
        let reserved = number(14) & 0xffff; // sectors before the first of two tables
        for table in [0, 1] {
            let entry = (reserved + table * number(36)) * SECTOR_BYTES + 4 * first;
            self.open().write_all_at(&[0; 4], self.start_of(1) + entry).expect("the card can be written");
        }
    }

    /// Writes what a partition holds to another, which is as large.
    pub(crate) fn copy_partition(&self, from: u64, to: u64) {
        let [mut source, mut target] = [from, to].map(|partition| {
            let mut card = self.open();
            card.seek(SeekFrom::Start(self.start_of(partition))).expect("a card can be read from anywhere");
            card
        });
        let bytes = self.size_of(from);
        let copied =
            io::copy(&mut Read::by_ref(&mut source).take(bytes), &mut target).expect("the card can be written");
        assert_eq!(copied, bytes);
    }

    /// The beginning of a partition.
    pub(crate) fn beginning(&self, partition: u64, bytes: usize) -> Vec<u8> {
        let mut found = vec![0; bytes];
        self.open().read_exact_at(&mut found, self.start_of(partition)).expect("it is as long");
        found
    }

    /// The number of the card, and the serial number of its FAT file system.
    pub(crate) fn numbers(&self) -> [u32; 2] {
        [NUMBER, self.start_of(1) + SERIAL].map(|at| {
            let mut number = [0; 4];
            self.open().read_exact_at(&mut number, at).expect("a card is longer");
            u32::from_le_bytes(number)
        })
    }

    fn start_of(&self, partition: u64) -> u64 {
        self.entry(partition, 8)
    }

    fn size_of(&self, partition: u64) -> u64 {
        self.entry(partition, 12)
    }

    /// A number of sectors in a partition's entry in the table, as bytes.
    fn entry(&self, partition: u64, at: u64) -> u64 {
        let mut sectors = [0; 4];
        let entry = ENTRIES + (partition - 1) * ENTRY_BYTES;
        self.open().read_exact_at(&mut sectors, entry + at).expect("a card is longer");
        u64::from(u32::from_le_bytes(sectors)) * SECTOR_BYTES
    }

    pub(crate) fn open(&self) -> File {
        File::options().read(true).write(true).open(&self.file).expect("it is there")
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // What is left of it is in the target folder, which is there to be emptied.
        let _ = fs::remove_file(&self.file);
    }
}
