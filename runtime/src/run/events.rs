//! TensorBoard event files.
//!
//! Comes in: scalars and pictures by tag and step. Goes out: `events.out.tfevents.*`, a sequence of TFRecords, each
//! an `Event` protocol buffer. Guaranteed: every process writes a file of its own and never changes another; when a
//! run is resumed, the new file tells TensorBoard to forget the steps that will come again.
//!
//! Formats: TensorFlow's `tensorflow/core/lib/io/record_writer.h` (framing, masked CRC-32C),
//! `core/util/event.proto` and `core/framework/summary.proto` (messages; only the fields written here are declared).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use prost::Message;

use super::{disk, time};
use crate::codes;
use crate::data::Image;
use crate::error::{Error, Kind, Result};

/// `tensorflow.Event`.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

/// `tensorflow.SessionLog`.
#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    /// [`SESSION_START`].
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `SessionLog.SessionStatus.START`: whatever earlier files say of this step and later ones is void.
const SESSION_START: i32 = 1;

/// `tensorflow.Summary`.
#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

/// `tensorflow.Summary.Value`.
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(oneof = "Content", tags = "2, 4")]
    content: Option<Content>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Content {
    #[prost(float, tag = "2")]
    SimpleValue(f32),
    #[prost(message, tag = "4")]
    Image(Picture),
}

/// `tensorflow.Summary.Image`.
#[derive(Clone, PartialEq, Message)]
struct Picture {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    /// 3 is RGB.
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded_image_string: Vec<u8>,
}

/// An event file, open for appending.
#[derive(Debug)]
pub struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// Starts a file in `folder` for a process that goes on after `step` steps; 0 for a new run.
    ///
    /// # Errors
    /// `phg::run::write`.
    pub fn create(folder: &Path, step: u64) -> Result<Self> {
        let now = time::now();
        let stem = format!("events.out.tfevents.{:010}.phgc.{}", now as u64, std::process::id());
        // A process that starts twice within a second gets another number.
        let mut number = 0u32;
        let (path, file) = loop {
            let path = folder.join(format!("{stem}.{number}"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => break (path, file),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(write_failed(&path, &error)),
            }
        };
        let mut events = Self { path, file };
        let version = Some(What::FileVersion("brain.Event:2".into()));
        events.write(&Event { wall_time: now, step: 0, what: version })?;
        if step > 0 {
            let start = Some(What::SessionLog(SessionLog { status: SESSION_START }));
            events.write(&Event { wall_time: now, step: signed(step + 1), what: start })?;
        }
        Ok(events)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the values of a step by tag, such as `train/loss`.
    ///
    /// # Errors
    /// `phg::run::write`.
    pub fn scalars<'a>(&mut self, step: u64, values: impl IntoIterator<Item = (&'a str, f64)>) -> Result<()> {
        let value = |(tag, value): (&str, f64)| Value {
            tag: tag.into(),
            content: Some(Content::SimpleValue(value as f32)),
        };
        let value: Vec<Value> = values.into_iter().map(value).collect();
        if value.is_empty() { Ok(()) } else { self.summary(step, value) }
    }

    /// Writes a picture of a step, as PNG.
    ///
    /// # Errors
    /// `phg::run::write`, also when the picture is empty or does not hold as many bytes as its size says.
    pub fn image(&mut self, step: u64, tag: &str, image: &Image) -> Result<()> {
        let side = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let mut encoded_image_string = Vec::new();
        let mut encoder = png::Encoder::new(&mut encoded_image_string, side(image.width), side(image.height));
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&image.data))
            .map_err(|error| write_failed(&self.path, &io::Error::other(error)))?;
        let picture = Picture {
            // PNG has checked that sides fit 31 bits.
            height: image.height as i32,
            width: image.width as i32,
            colorspace: 3,
            encoded_image_string,
        };
        self.summary(step, vec![Value { tag: tag.into(), content: Some(Content::Image(picture)) }])
    }

    fn summary(&mut self, step: u64, value: Vec<Value>) -> Result<()> {
        let what = Some(What::Summary(Summary { value }));
        self.write(&Event { wall_time: time::now(), step: signed(step), what })
    }

    fn write(&mut self, event: &Event) -> Result<()> {
        // One write for each record, so that a reader never sees half of one.
        self.file.write_all(&record(&event.encode_to_vec())).map_err(|error| write_failed(&self.path, &error))
    }
}

/// A TFRecord: length, masked CRC of the length, data, masked CRC of the data; little-endian.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked_crc(&length).to_le_bytes());
    record.extend_from_slice(data);
    record.extend_from_slice(&masked_crc(data).to_le_bytes());
    record
}

/// CRC-32C, rotated and shifted as TFRecord does, so that checksums of data that hold checksums stay useful.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn signed(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

fn write_failed(path: &Path, error: &io::Error) -> Error {
    disk::failed(codes::RUN_WRITE, Kind::Training, "write the TensorBoard file", path, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(event: &Event) -> String {
        record(&event.encode_to_vec()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn summary(content: Content, tag: &str) -> Value {
        Value { tag: tag.into(), content: Some(content) }
    }

    /// Expected bytes: TensorBoard 2.21.0's own protocol buffers and checksum, in Python.
    #[test]
    fn records_are_those_of_tensorboard() {
        let version = Some(What::FileVersion("brain.Event:2".into()));
        assert_eq!(
            hex(&Event { wall_time: 1.5, step: 0, what: version }),
            "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c",
        );
        let value = vec![
            summary(Content::SimpleValue(0.25), "train/loss"),
            summary(Content::SimpleValue(0.5), "rate"),
        ];
        assert_eq!(
            hex(&Event { wall_time: 2.0, step: 7, what: Some(What::Summary(Summary { value })) }),
            "2d000000000000003c418afb09000000000000004010072a200a110a0a747261696e2f6c6f73731500\
             00803e0a0b0a0472617465150000003f9df5b473",
        );
        let start = Some(What::SessionLog(SessionLog { status: SESSION_START }));
        assert_eq!(
            hex(&Event { wall_time: 2.0, step: 4, what: start }),
            "0f000000000000006d532b0909000000000000004010043a0208017601b5eb",
        );
        let picture = Picture { height: 1, width: 2, colorspace: 3, encoded_image_string: vec![1, 2] };
        let value = vec![summary(Content::Image(picture), "p")];
        assert_eq!(
            hex(&Event { wall_time: 2.0, step: 4, what: Some(What::Summary(Summary { value })) }),
            "1e00000000000000d9dc123209000000000000004010042a110a0f0a0170220a08011002180322020102\
             4b0eaeb0",
        );
    }

    /// The events of a file, after checking its framing.
    fn read(path: &Path) -> Vec<Event> {
        let bytes = std::fs::read(path).unwrap();
        let (mut rest, mut events) = (&bytes[..], Vec::new());
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            events.push(Event::decode(&rest[12..12 + length]).unwrap());
            assert_eq!(record(&rest[12..12 + length]), rest[..16 + length]);
            rest = &rest[16 + length..];
        }
        events
    }

    #[test]
    fn each_start_has_a_file_and_a_resumed_one_forgets_later_steps() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Events::create(folder.path(), 0).unwrap();
        first.scalars(1, [("train/loss", 3.5)]).unwrap();
        first.scalars(2, []).unwrap();
        let image = Image { width: 2, height: 1, data: vec![255, 0, 0, 0, 255, 0] };
        first.image(2, "val/prediction", &image).unwrap();
        let second = Events::create(folder.path(), 1).unwrap();
        assert_ne!(first.path(), second.path());

        let events = read(first.path());
        assert_eq!(events.iter().map(|event| event.step).collect::<Vec<_>>(), [0, 1, 2]);
        let Some(What::Summary(Summary { value })) = &events[2].what else { panic!("{events:?}") };
        let Some(Content::Image(picture)) = &value[0].content else { panic!("{value:?}") };
        assert_eq!((picture.height, picture.width), (1, 2));
        let mut reader =
            png::Decoder::new(io::Cursor::new(&picture.encoded_image_string)).read_info().unwrap();
        let mut pixels = vec![0; 6];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, image.data);

        let events = read(second.path());
        assert_eq!(events[1].step, 2);
        assert_eq!(events[1].what, Some(What::SessionLog(SessionLog { status: SESSION_START })));
    }

    #[test]
    fn a_picture_of_the_wrong_size_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Events::create(folder.path(), 0).unwrap();
        for (width, height, bytes) in [(2, 2, 11), (0, 1, 0), (usize::MAX, 1, 3)] {
            let image = Image { width, height, data: vec![0; bytes] };
            assert_eq!(events.image(1, "p", &image).unwrap_err().code, codes::RUN_WRITE);
        }
        assert_eq!(read(events.path()).len(), 1, "nothing half-written");
    }
}
