//! `scenes`: procedural street scenes with exact labels, the dataset that needs no files.
//!
//! A scene is a function of its split and index alone: street, buildings, plants, traffic, people,
//! light, weather and camera are drawn from one random stream, and rendered at the asked size. Colours
//! overlap between classes and change with light, haze and camera, so that shape and context have to be
//! learnt. Lane markings count as road, lawns and hedges as vegetation, a trunk as vegetation, a fence
//! with what is seen through it as fence, a bicycle without its rider as cyclist. The camera's own
//! bonnet, traffic lights, bins, benches and bare ground are void.

mod buildings;
mod facade;
mod furniture;
mod geometry;
mod ground;
mod layout;
mod light;
mod noise;
mod palette;
mod people;
mod picture;
mod plants;
mod raster;
mod sensor;
mod shade;
mod stage;
mod street;
mod vehicles;

use super::table::ClassTable;
use super::{Dataset, Sample, Split};
use crate::error::Result;
use crate::random::{Purpose, Stream};

/// Ids of the classes, as in `tables/scenes.toml`.
pub(crate) mod class {
    /// No class.
    pub(crate) const VOID: u8 = 0;
    /// Sky and clouds.
    pub(crate) const SKY: u8 = 1;
    /// Buildings with all that is fixed to them.
    pub(crate) const BUILDING: u8 = 2;
    /// Carriageway with its markings.
    pub(crate) const ROAD: u8 = 3;
    /// Pavement and kerb.
    pub(crate) const SIDEWALK: u8 = 4;
    /// Fences.
    pub(crate) const FENCE: u8 = 5;
    /// Trees, bushes, hedges, lawns.
    pub(crate) const VEGETATION: u8 = 6;
    /// Posts.
    pub(crate) const POLE: u8 = 7;
    /// Cars, vans, trucks, buses.
    pub(crate) const CAR: u8 = 8;
    /// Traffic signs.
    pub(crate) const SIGN: u8 = 9;
    /// People on foot.
    pub(crate) const PERSON: u8 = 10;
    /// Cyclists, motorcyclists and their machines.
    pub(crate) const CYCLIST: u8 = 11;
}

/// The table as a readable file.
pub const TABLE: &str = include_str!("../tables/scenes.toml");

/// Changes whenever the pictures do; part of the fingerprint.
const VERSION: u32 = 1;

/// The dataset.
#[derive(Clone, Debug)]
pub struct Scenes {
    height: usize,
    width: usize,
    lengths: [usize; 3],
    table: ClassTable,
}

impl Scenes {
    /// Scenes of `height` by `width` pixels: 600 to train on, 100 to validate, 100 to test.
    ///
    /// # Errors
    /// None in practice: only a damaged embedded class table gives `phg::data::table`.
    pub fn new(height: usize, width: usize) -> Result<Self> {
        Self::with_lengths(height, width, [600, 100, 100])
    }

    /// [`Scenes::new`] with other numbers of train, val and test scenes; a scene does not depend on them.
    ///
    /// # Errors
    /// As [`Scenes::new`].
    pub fn with_lengths(height: usize, width: usize, lengths: [usize; 3]) -> Result<Self> {
        let table = ClassTable::parse(TABLE, "tables/scenes.toml")?;
        Ok(Self { height: height.max(1), width: width.max(1), lengths, table })
    }
}

impl Dataset for Scenes {
    fn name(&self) -> &str {
        "scenes"
    }

    fn table(&self) -> &ClassTable {
        &self.table
    }

    fn len(&self, split: Split) -> usize {
        match split {
            Split::Train => self.lengths[0],
            Split::Val => self.lengths[1],
            Split::Test => self.lengths[2],
        }
    }

    fn id(&self, _split: Split, index: usize) -> String {
        format!("{index:06}")
    }

    fn sample(&self, split: Split, index: usize) -> Result<Sample> {
        let mut random = Stream::new(0, Purpose::Scene, [split_counter(split), index as u64]);
        Ok(picture::render(&mut random, self.height, self.width))
    }

    fn fingerprint(&self, split: Split) -> String {
        format!("scenes-{VERSION}-{split:?}-{}-{}x{}", self.len(split), self.height, self.width)
            .to_lowercase()
    }
}

fn split_counter(split: Split) -> u64 {
    match split {
        Split::Train => 0,
        Split::Val => 1,
        Split::Test => 2,
    }
}

#[cfg(test)]
mod tests;
