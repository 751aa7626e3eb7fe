//! One drawing, two files: SVG to scale, PNG to paste.
//!
//! Comes in: something that can draw itself in units of a pixel. Goes out: an SVG document and an RGB picture of twice
//! as many pixels a side. Guaranteed: both show the same; text is set in DejaVu Sans, which is part of the program, so
//! that no font of the machine is needed (an SVG's text is shown in the viewer's sans-serif).

use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, Cross, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color, FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle, register_font,
};

use crate::codes;
use crate::data::{Image, resize};
use crate::error::{Error, Kind, Result};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// What text is drawn in.
pub const INK: Colour = [32, 32, 32];

/// Pixels of the PNG for each unit.
const DENSITY: usize = 2;

/// Drawn so many times larger before it is reduced, which smooths every edge.
const SMOOTHING: usize = 2;

/// The most units of a side; a picture of as many has 2^14 pixels a side while it is drawn.
const LARGEST: u32 = 4096;

/// The most square units: 2^22, which take 192 MiB while they are drawn.
const LARGEST_AREA: u64 = 1 << 22;

/// What a drawing on the backend `DB` returns.
pub type Drawn<DB> = std::result::Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Something that can be drawn.
pub trait Drawing {
    /// Width and height, in units.
    fn size(&self) -> [u32; 2];

    /// Draws it on white.
    ///
    /// # Errors
    /// Those of the backend.
    fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Drawn<DB>;
}

/// A figure in both forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The document.
    pub svg: String,
    /// The picture, two pixels a unit.
    pub png: Image,
}

/// Draws `drawing` twice.
///
/// # Errors
/// `phg::figure::draw` for a drawing without area, one that is too large, and what the drawing crate refuses.
pub fn render(drawing: &impl Drawing) -> Result<Figure> {
    let [width, height] = drawing.size();
    let fits = (1..=LARGEST).contains(&width) && (1..=LARGEST).contains(&height);
    if !fits || u64::from(width) * u64::from(height) > LARGEST_AREA {
        let help = "draw fewer runs, or print the figures with `--format csv`";
        return Err(failed(format!("it would be {width} by {height} units")).help(help));
    }
    let mut svg = String::new();
    paint(drawing, SVGBackend::with_string(&mut svg, (width, height)), 1)?;
    let scale = DENSITY * SMOOTHING;
    let (columns, rows) = (width as usize * scale, height as usize * scale);
    let mut data = vec![0; 3 * columns * rows];
    paint(drawing, BitMapBackend::with_buffer(&mut data, (columns as u32, rows as u32)), scale)?;
    let large = Image { width: columns, height: rows, data };
    let png = resize::image(&large, rows / SMOOTHING, columns / SMOOTHING)?.into_owned();
    Ok(Figure { svg, png })
}

fn paint<DB: DrawingBackend>(drawing: &impl Drawing, backend: DB, scale: usize) -> Result<()> {
    has_typeface()?;
    let area = backend.into_drawing_area();
    let pen = Pen { area: &area, scale: scale as f64 };
    area.fill(&RGBColor(255, 255, 255))
        .and_then(|()| drawing.draw(&pen))
        .and_then(|()| area.present())
        .map_err(|error| failed(error.to_string()))
}

fn failed(why: String) -> Error {
    Error::new(codes::FIGURE_DRAW, Kind::Data, format!("the figure cannot be drawn: {why}"))
}

/// Makes the typeface known, once.
fn has_typeface() -> Result<()> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    let known = *KNOWN.get_or_init(|| {
        register_font(FontFamily::SansSerif.as_str(), FontStyle::Normal, dejavu::sans::regular()).is_ok()
    });
    if known { Ok(()) } else { Err(failed("its typeface cannot be read".into())) }
}

/// A font size in units: about the distance from the top of an `l` to the bottom of a `g`.
fn font(size: f64) -> FontDesc<'static> {
    FontDesc::new(FontFamily::SansSerif, size, FontStyle::Normal)
}

/// How wide `text` is when it is set in `size`, in units.
pub fn width_of(text: &str, size: f64) -> f64 {
    // Measured larger, because the answer comes in whole pixels.
    const TIMES: f64 = 16.0;
    let measured = has_typeface().ok().and_then(|()| font(size * TIMES).box_size(text).ok());
    measured.map_or(0.6 * size * text.chars().count() as f64, |(width, _)| f64::from(width) / TIMES)
}

/// Cuts `text` to `width` units, with dots where something is missing.
pub fn cut(text: &str, size: f64, width: f64) -> String {
    if width_of(text, size) <= width {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let shorter: String = kept.iter().chain(&['…']).collect();
        if width_of(&shorter, size) <= width {
            return shorter;
        }
    }
    String::new()
}

/// Which side of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// It begins there.
    Left,
    /// Its middle is there.
    Centre,
    /// It ends there.
    Right,
}

/// What marks a point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square on its side.
    Square,
    /// A triangle on its side.
    Triangle,
    /// A square on its corner.
    Diamond,
    /// Two strokes.
    Cross,
}

/// Draws on an area, in units from its left upper corner.
pub struct Pen<'a, DB: DrawingBackend> {
    /// The whole area, in pixels.
    pub area: &'a DrawingArea<DB, Shift>,
    scale: f64,
}

impl<DB: DrawingBackend> Pen<'_, DB> {
    /// Units in pixels.
    pub fn px(&self, units: f64) -> i32 {
        (units * self.scale).round() as i32
    }

    /// A colour as the drawing crate has it.
    pub fn colour([red, green, blue]: Colour) -> RGBColor {
        RGBColor(red, green, blue)
    }

    /// A line of a colour and of a width in units.
    pub fn stroke(&self, colour: Colour, width: f64) -> ShapeStyle {
        Self::colour(colour).stroke_width(self.px(width).max(1) as u32)
    }

    /// Text of a colour and size, whose middle is at the height of its place.
    pub fn type_style(&self, size: f64, colour: Colour, align: Align) -> TextStyle<'static> {
        let side = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        font(size * self.scale).color(&Self::colour(colour)).pos(Pos::new(side, VPos::Center))
    }

    /// Fills the rectangle from `[left, top]` to `[right, bottom]`.
    ///
    /// # Errors
    /// Those of the backend.
    pub fn fill(&self, from: [f64; 2], to: [f64; 2], colour: Colour) -> Drawn<DB> {
        let corners = [from, to].map(|[x, y]| (self.px(x), self.px(y)));
        self.area.draw(&Rectangle::new(corners, Self::colour(colour).filled()))
    }

    /// Draws the border of a rectangle.
    ///
    /// # Errors
    /// Those of the backend.
    pub fn frame(
        &self,
        [left, top]: [f64; 2],
        [right, bottom]: [f64; 2],
        colour: Colour,
        width: f64,
    ) -> Drawn<DB> {
        let corners = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]];
        self.line(&corners, colour, width)
    }

    /// Draws a line through places.
    ///
    /// # Errors
    /// Those of the backend.
    pub fn line(&self, places: &[[f64; 2]], colour: Colour, width: f64) -> Drawn<DB> {
        let places: Vec<(i32, i32)> = places.iter().map(|[x, y]| (self.px(*x), self.px(*y))).collect();
        self.area.draw(&PathElement::new(places, self.stroke(colour, width)))
    }

    /// Writes `text` at a place; its middle is at that height.
    ///
    /// # Errors
    /// Those of the backend.
    pub fn text(&self, text: &str, [x, y]: [f64; 2], size: f64, colour: Colour, align: Align) -> Drawn<DB> {
        let style = self.type_style(size, colour, align);
        self.area.draw(&Text::new(text.to_owned(), (self.px(x), self.px(y)), style))
    }

    /// Marks a place of the area, in pixels, so that curves can mark their points.
    ///
    /// # Errors
    /// Those of the backend.
    pub fn mark(&self, (x, y): (i32, i32), marker: Marker, colour: Colour) -> Drawn<DB> {
        let radius = self.px(3.5);
        let filled = Self::colour(colour).filled();
        let (left, right, top, bottom) = (x - radius, x + radius, y - radius, y + radius);
        match marker {
            Marker::Circle => self.area.draw(&Circle::new((x, y), radius, filled)),
            Marker::Square => self.area.draw(&Rectangle::new([(left, top), (right, bottom)], filled)),
            Marker::Triangle => {
                self.area.draw(&Polygon::new(vec![(x, top), (right, bottom), (left, bottom)], filled))
            }
            Marker::Diamond => {
                let corners = vec![(x, top), (right, y), (x, bottom), (left, y)];
                self.area.draw(&Polygon::new(corners, filled))
            }
            Marker::Cross => self.area.draw(&Cross::new((x, y), radius, self.stroke(colour, 1.8))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Square(u32);

    impl Drawing for Square {
        fn size(&self) -> [u32; 2] {
            [self.0, 20]
        }

        fn draw<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Drawn<DB> {
            pen.fill([5.0, 5.0], [10.0, 10.0], [200, 0, 100])?;
            pen.text("a < b", [20.0, 10.0], 12.0, INK, Align::Left)
        }
    }

    #[test]
    fn both_forms_show_the_same_without_fonts_of_the_machine() {
        let figure = render(&Square(60)).unwrap();
        assert!(figure.svg.contains("width=\"60\" height=\"20\""), "{}", figure.svg);
        assert!(figure.svg.contains("a &lt; b") && figure.svg.contains("#C80064"), "{}", figure.svg);
        assert_eq!((figure.png.width, figure.png.height), (120, 40));
        let pixel = |x: usize, y: usize| figure.png.data[3 * (y * 120 + x)..][..3].to_vec();
        assert_eq!((pixel(15, 15), pixel(3, 3)), (vec![200, 0, 100], vec![255; 3]));
        let ink =
            (40..120).flat_map(|x| (0..40).map(move |y| (x, y))).filter(|(x, y)| pixel(*x, *y)[0] < 128);
        assert!(ink.count() > 40, "letters leave ink");
        assert_eq!(render(&Square(60)).unwrap(), figure);
    }

    #[test]
    fn sizes_that_cannot_be_are_errors() {
        for width in [0, 5000] {
            assert_eq!(render(&Square(width)).unwrap_err().code, codes::FIGURE_DRAW);
        }
    }

    #[test]
    fn text_is_measured_and_cut() {
        assert!(width_of("mmmm", 12.0) > 2.0 * width_of("iiii", 12.0));
        assert!((width_of("mmmm", 24.0) / width_of("mmmm", 12.0) - 2.0).abs() < 0.02);
        let short = cut("a rather long name", 12.0, 60.0);
        assert!(short.ends_with('…') && width_of(&short, 12.0) <= 60.0, "{short}");
        assert_eq!(cut("name", 12.0, 60.0), "name");
    }
}
