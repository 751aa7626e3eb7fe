//! Colours of things: short lists, picked from and varied, so that classes overlap in colour.

use super::geometry::{Colour, srgb, vec3};
use crate::random::Stream;

/// Picks one of `colours` (8-bit sRGB) and varies its brightness and hue a little.
pub(super) fn pick(random: &mut Stream, colours: &[[u8; 3]]) -> Colour {
    let [r, g, b] = colours[random.below(colours.len() as u32) as usize];
    vary(random, srgb(r, g, b), 0.18)
}

/// Scales brightness by up to `share` either way, and each channel by half as much.
pub(super) fn vary(random: &mut Stream, colour: Colour, share: f32) -> Colour {
    let all = 1.0 + share * random.uniform(-1.0, 1.0);
    let mut one = || all * (1.0 + 0.5 * share * random.uniform(-1.0, 1.0));
    let scale = vec3(one(), one(), one());
    colour.times(scale)
}

/// Plaster, brick, stone, concrete and paint of walls.
pub(super) const WALLS: &[[u8; 3]] = &[
    [205, 192, 170],
    [222, 214, 198],
    [190, 168, 138],
    [168, 92, 70],
    [140, 78, 62],
    [182, 122, 96],
    [150, 146, 140],
    [120, 122, 126],
    [208, 178, 128],
    [196, 150, 118],
    [164, 176, 160],
    [152, 168, 186],
    [226, 206, 186],
    [100, 88, 80],
    [186, 190, 192],
    [212, 168, 150],
    [132, 110, 88],
    [232, 228, 220],
];

/// Window frames, cornices, doors.
pub(super) const TRIMS: &[[u8; 3]] = &[
    [235, 232, 225],
    [225, 220, 205],
    [80, 70, 62],
    [60, 62, 66],
    [150, 140, 125],
    [96, 60, 44],
    [58, 76, 66],
];

/// Roof tiles, slate, tin.
pub(super) const ROOFS: &[[u8; 3]] =
    &[[146, 76, 58], [122, 66, 54], [92, 84, 82], [74, 76, 82], [106, 92, 78], [88, 100, 98]];

/// Car paint.
pub(super) const PAINTS: &[[u8; 3]] = &[
    [228, 228, 226],
    [200, 202, 204],
    [150, 152, 156],
    [96, 99, 104],
    [44, 46, 50],
    [24, 25, 28],
    [146, 28, 30],
    [34, 62, 118],
    [52, 88, 148],
    [40, 72, 60],
    [188, 170, 132],
    [118, 40, 36],
    [198, 150, 40],
    [110, 92, 76],
    [92, 128, 150],
];

/// Coats, trousers, shirts.
pub(super) const CLOTHES: &[[u8; 3]] = &[
    [40, 42, 52],
    [28, 30, 34],
    [62, 74, 104],
    [96, 100, 108],
    [150, 140, 126],
    [188, 182, 172],
    [128, 46, 44],
    [70, 92, 70],
    [92, 70, 54],
    [176, 120, 66],
    [52, 98, 128],
    [206, 204, 200],
    [190, 160, 60],
    [120, 84, 120],
    [200, 92, 80],
];

/// Skin.
pub(super) const SKINS: &[[u8; 3]] =
    &[[232, 190, 160], [214, 166, 132], [180, 128, 96], [134, 90, 66], [92, 62, 48]];

/// Hair.
pub(super) const HAIRS: &[[u8; 3]] =
    &[[36, 28, 24], [70, 48, 32], [120, 88, 54], [176, 146, 96], [140, 138, 136], [22, 22, 24]];

/// Leaves: summer greens, dry and autumn ones, dark conifers.
pub(super) const LEAVES: &[[u8; 3]] = &[
    [84, 118, 48],
    [70, 104, 52],
    [98, 128, 58],
    [60, 92, 46],
    [118, 132, 62],
    [76, 96, 62],
    [54, 82, 50],
    [132, 126, 58],
    [160, 120, 52],
    [104, 92, 60],
];

/// Grass.
pub(super) const GRASS: &[[u8; 3]] =
    &[[98, 124, 60], [116, 132, 70], [136, 136, 82], [84, 112, 56], [150, 142, 96]];

/// Posts and lamps.
pub(super) const METALS: &[[u8; 3]] = &[
    [120, 124, 128],
    [92, 96, 100],
    [70, 76, 76],
    [54, 62, 58],
    [150, 152, 154],
    [118, 108, 96],
    [60, 60, 64],
];

/// Fences.
pub(super) const FENCES: &[[u8; 3]] = &[
    [132, 104, 78],
    [160, 138, 108],
    [110, 92, 74],
    [206, 202, 192],
    [92, 104, 92],
    [84, 88, 94],
    [120, 116, 112],
    [60, 66, 66],
];

/// Boxes, bins and other things without a class.
pub(super) const CLUTTER: &[[u8; 3]] = &[
    [52, 66, 60],
    [70, 72, 76],
    [112, 108, 102],
    [44, 46, 50],
    [96, 84, 66],
    [60, 76, 96],
    [150, 130, 60],
    [128, 60, 50],
];

/// Awnings and shop signs.
pub(super) const AWNINGS: &[[u8; 3]] = &[
    [150, 44, 42],
    [44, 84, 64],
    [42, 62, 104],
    [198, 170, 110],
    [206, 200, 188],
    [84, 50, 66],
    [60, 60, 62],
    [206, 120, 50],
];
