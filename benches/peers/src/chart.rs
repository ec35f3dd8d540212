//! The overview as a picture: two panels, one below the other.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::cases::Overview;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const WIDTH: u32 = 960;
/// The left end of the bars, to the right of the names.
const LEFT: i32 = 290;
/// The right end of the longest bar, to the left of its figure.
const RIGHT: i32 = 870;
/// The height of a panel's title, above its bars.
const TITLE: i32 = 78;
/// The height of a panel's axis, below its bars.
const AXIS: i32 = 46;
const BAR: i32 = 22;
const GROUP: i32 = 48;

const FONT: &str = "Helvetica, Arial, sans-serif";
const INK: RGBColor = RGBColor(31, 35, 40);
const FAINT: RGBColor = RGBColor(89, 99, 110);
const GRID: RGBColor = RGBColor(225, 228, 232);
/// The colours of bars for 1, 2 and 8 threads.
const OURS: [RGBColor; 3] = [RGBColor(247, 178, 133), RGBColor(232, 116, 46), RGBColor(168, 66, 10)];
const PEERS: [RGBColor; 3] = [RGBColor(190, 203, 219), RGBColor(125, 148, 178), RGBColor(68, 92, 126)];

/// Writes the picture to `file`.
///
/// # Errors
/// If the file can't be written.
pub fn draw(file: &Path, contestants: &[Overview]) -> Drawn {
    let mut by_time: Vec<_> = contestants.iter().collect();
    by_time.sort_by(|a, b| a.ns.total_cmp(&b.ns));
    let mut by_rate: Vec<_> = contestants.iter().filter_map(|one| Some((one, one.rates?))).collect();
    by_rate.sort_by(|(_, a), (_, b)| b[1].total_cmp(&a[1]));

    let times = TITLE + BAR * length(&by_time) + AXIS;
    let rates = TITLE + GROUP * length(&by_rate) + AXIS;
    let height = u32::try_from(times + rates + BAR)?;
    let root = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    // A background of its own, because a page may be dark.
    root.fill(&WHITE)?;
    let (upper, lower) = root.split_vertically(times);
    draw_times(&upper, &by_time)?;
    draw_rates(&lower, &by_rate)?;
    root.present()?;
    Ok(())
}

fn length<T>(items: &[T]) -> i32 {
    i32::try_from(items.len()).unwrap_or(i32::MAX)
}

fn draw_times(area: &Area<'_>, contestants: &[&Overview]) -> Drawn {
    let scale = Scale::over(contestants.iter().map(|one| one.ns));
    let bottom = TITLE + BAR * length(contestants);
    title(area, "Nanoseconds an ID, one thread by itself", "Shorter is better; logarithmic.")?;
    scale.draw(area, bottom)?;
    for (one, top) in contestants.iter().zip((TITLE..).step_by(BAR as usize)) {
        let color = if one.is_ours { OURS[1] } else { PEERS[1] };
        name(area, one, top + BAR / 2)?;
        bar(area, (top + 3, top + BAR - 3), scale.x(one.ns), color, &figure(one.ns), 14)?;
    }
    Ok(())
}

fn draw_rates(area: &Area<'_>, contestants: &[(&Overview, [f64; 3])]) -> Drawn {
    let scale = Scale::over(contestants.iter().flat_map(|(_, rates)| *rates));
    let bottom = TITLE + GROUP * length(contestants);
    title(area, "Million IDs a second, one generator shared by threads", "Longer is better; logarithmic.")?;
    legend(area)?;
    scale.draw(area, bottom)?;
    for ((one, rates), top) in contestants.iter().zip((TITLE..).step_by(GROUP as usize)) {
        let colors = if one.is_ours { OURS } else { PEERS };
        name(area, one, top + GROUP / 2)?;
        for ((rate, color), top) in rates.iter().zip(colors).zip((top + 3..).step_by(14)) {
            bar(area, (top, top + 13), scale.x(*rate), color, &figure(*rate), 12)?;
        }
    }
    note(area, bottom + AXIS)
}

/// A logarithmic scale. It begins at a power of ten and ends a little above the largest figure.
struct Scale {
    from: i32,
    to: f64,
}

impl Scale {
    fn over(figures: impl Iterator<Item = f64> + Clone) -> Self {
        let least = figures.clone().fold(f64::INFINITY, f64::min);
        let most = figures.fold(f64::NEG_INFINITY, f64::max);
        Self { from: least.log10().floor() as i32, to: (most * 1.1).log10() }
    }

    fn x(&self, figure: f64) -> i32 {
        let part = (figure.log10() - f64::from(self.from)) / (self.to - f64::from(self.from));
        LEFT + (part * f64::from(RIGHT - LEFT)).round() as i32
    }

    fn draw(&self, area: &Area<'_>, bottom: i32) -> Drawn {
        let style = font(13, FAINT, HPos::Center);
        for power in self.from..=self.to.floor() as i32 {
            let figure = 10_f64.powi(power);
            let x = self.x(figure);
            area.draw(&PathElement::new(vec![(x, TITLE - 4), (x, bottom + 4)], GRID))?;
            area.draw(&Text::new(figure.to_string(), (x, bottom + 16), style.clone()))?;
        }
        Ok(())
    }
}

fn title(area: &Area<'_>, title: &str, subtitle: &str) -> Drawn {
    area.draw(&Text::new(title.to_owned(), (24, 26), font_bold(20)))?;
    area.draw(&Text::new(subtitle.to_owned(), (24, 52), font(14, FAINT, HPos::Left)))?;
    Ok(())
}

fn legend(area: &Area<'_>) -> Drawn {
    for (i, label) in (0..).zip(["1 thread", "2 threads", "8 threads"]) {
        let x = 590 + 110 * i;
        for (colors, x) in [(OURS, x), (PEERS, x + 14)] {
            area.draw(&Rectangle::new([(x, 46), (x + 12, 58)], colors[i as usize].filled()))?;
        }
        area.draw(&Text::new(label, (x + 32, 52), font(14, INK, HPos::Left)))?;
    }
    Ok(())
}

fn name(area: &Area<'_>, one: &Overview, y: i32) -> Drawn {
    let mut name = one.name.to_owned();
    for (holds, mark) in [(one.ran_ahead, " †"), (one.fell_behind, " ◊"), (one.is_bound, " ¶")] {
        if holds {
            name.push_str(mark);
        }
    }
    let style =
        if one.is_ours { font_bold(14).pos(Pos::new(HPos::Right, VPos::Center)) } else { font(14, INK, HPos::Right) };
    area.draw(&Text::new(name, (LEFT - 10, y), style))?;
    Ok(())
}

fn bar(area: &Area<'_>, (top, bottom): (i32, i32), right: i32, color: RGBColor, label: &str, size: i32) -> Drawn {
    area.draw(&Rectangle::new([(LEFT, top), (right, bottom)], color.filled()))?;
    area.draw(&Text::new(label.to_owned(), (right + 6, i32::midpoint(top, bottom)), font(size, INK, HPos::Left)))?;
    Ok(())
}

fn note(area: &Area<'_>, y: i32) -> Drawn {
    let note =
        "† Its IDs' time ran ahead of the wall clock.  ◊ It fell behind.  ¶ 12 bits of sequence: 4.096 M/s at most.";
    area.draw(&Text::new(note, (24, y), font(13, FAINT, HPos::Left)))?;
    Ok(())
}

fn font(size: i32, color: RGBColor, at: HPos) -> TextStyle<'static> {
    (FONT, size).into_font().color(&color).pos(Pos::new(at, VPos::Center))
}

fn font_bold(size: i32) -> TextStyle<'static> {
    (FONT, size, FontStyle::Bold).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center))
}

/// Formats a figure with three digits.
fn figure(figure: f64) -> String {
    match figure {
        ..10.0 => format!("{figure:.2}"),
        ..100.0 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    }
}
