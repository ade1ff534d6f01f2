//! The contenders, their course, and the table.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};

use ftp_proto::listing::{Command, Decoder, Item, Options};
use ftp_proto::wire::date::Timestamp;
use suppaftp::list::ListParser;

/// Different lines; then the same again.
const BLOCK: usize = 10_000;
const PIECE: usize = 64 * 1024;
const ROUNDS: usize = 5;
/// More than the decoder may take for a listing of any length.
const MEMORY: u64 = 32 * 1024;

/// A form of listing.
struct Course {
    name: &'static str,
    command: Command,
    line: fn(usize) -> String,
    suppaftp: fn(&str) -> bool,
}

const COURSES: [Course; 4] = [
    Course {
        name: "ls -l",
        command: Command::List,
        line: |at| {
            let day = at % 28 + 1;
            format!(
                "-rw-r--r--    1 1001     1001     {:12} Mar {day:2} 12:{:02} report-{at:06}.txt",
                at * 7919,
                at % 60
            )
        },
        suppaftp: |line| black_box(ListParser::parse_posix(line)).is_ok(),
    },
    Course {
        name: "ls -l, all sorts",
        command: Command::List,
        line: |at| match at % 4 {
            0 => {
                format!("drwxr-xr-x   17 ada      staff        4096 Mar  3  2019 directory {at:06}")
            }
            1 => format!(
                "lrwxrwxrwx    1 ada      staff          14 Nov 12 09:41 link-{at:06} -> ../else/where/"
            ),
            2 => format!(
                "-rw-rw-r--    2 ada      staff   {at:9} Dec 31 23:59 a longer name with blanks {at:06}.tar.gz"
            ),
            _ => format!("-rwxr-xr-x    1 www-data www-data {at:8} Feb 28  2024 x{at:06}"),
        },
        suppaftp: |line| black_box(ListParser::parse_posix(line)).is_ok(),
    },
    Course {
        name: "MLSD",
        command: Command::Mlsd,
        line: |at| {
            format!(
                "modify=20240229123456;perm=adfrw;size={};type=file;unique=FE00U{at:08X};UNIX.mode=0644; report-{at:06}.txt",
                at * 7919
            )
        },
        suppaftp: |line| black_box(ListParser::parse_mlsd(line)).is_ok(),
    },
    Course {
        name: "DOS",
        command: Command::List,
        line: |at| match at % 8 {
            0 => format!(
                "04-{:02}-24  09:09PM       <DIR>          directory {at:06}",
                at % 28 + 1
            ),
            _ => format!(
                "04-{:02}-24  03:47AM {:20} report-{at:06}.htm",
                at % 28 + 1,
                at * 7919
            ),
        },
        suppaftp: |line| black_box(ListParser::parse_dos(line)).is_ok(),
    },
];

/// Runs every course.
///
/// # Errors
/// Who did not read all, who was slower than it may be, or what took too much memory.
pub(super) fn run(entries: usize) -> Result<(), String> {
    println!(
        "{entries} entries, pieces of {} KiB, median of {ROUNDS} rounds; lines per second, and how many times as fast\n",
        PIECE / 1024
    );
    println!(
        "{:18} {:>12} {:>12} {:>12} {:>11} {:>9} {:>12}",
        "", "decoder", "suppaftp", "plain split", "x suppaftp", "x split", "peak memory"
    );
    let mut problems = Vec::new();
    for course in &COURSES {
        let source = Source::new(course, entries);
        let memory = allocation_counter::measure(|| {
            black_box(decoder(course, source.clone()));
        });
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            let contenders: [fn(&Course, Source<'_>) -> usize; 3] = [decoder, suppaftp, split];
            for (contender, times) in contenders.into_iter().zip(&mut times) {
                let begun = Instant::now();
                let read = contender(course, source.clone());
                times.push(begun.elapsed());
                if read != entries {
                    return Err(format!("{}: {read} of {entries} lines read", course.name));
                }
            }
        }
        let [decoder, suppaftp, split] = times.map(|times| per_second(entries, times));
        println!(
            "{:18} {decoder:12.0} {suppaftp:12.0} {split:12.0} {:11.1} {:9.2} {:10} B",
            course.name,
            decoder / suppaftp,
            decoder / split,
            memory.bytes_max,
        );
        if decoder < suppaftp {
            problems.push(format!("{}: suppaftp was faster", course.name));
        }
        if memory.bytes_max > MEMORY {
            problems.push(format!(
                "{}: {} bytes of memory",
                course.name, memory.bytes_max
            ));
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems.join("; ")),
    }
}

fn per_second(entries: usize, mut times: Vec<Duration>) -> f64 {
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    entries as f64 / median.as_secs_f64()
}

/// The listing, as a socket gives it.
#[derive(Clone)]
struct Source<'a> {
    block: std::rc::Rc<[u8]>,
    at: usize,
    blocks_left: usize,
    course: std::marker::PhantomData<&'a Course>,
}

impl<'a> Source<'a> {
    fn new(course: &'a Course, entries: usize) -> Source<'a> {
        let block: String = (0..BLOCK).map(|at| (course.line)(at) + "\r\n").collect();
        Source {
            block: block.into_bytes().into(),
            at: 0,
            blocks_left: entries / BLOCK,
            course: std::marker::PhantomData,
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.blocks_left == 0 {
            return Ok(0);
        }
        let rest = self.block.get(self.at..).unwrap_or_default();
        let length = rest.len().min(into.len());
        if let (Some(into), Some(rest)) = (into.get_mut(..length), rest.get(..length)) {
            into.copy_from_slice(rest);
        }
        self.at += length;
        if self.at == self.block.len() {
            self.at = 0;
            self.blocks_left -= 1;
        }
        Ok(length)
    }
}

fn decoder(course: &Course, mut source: Source<'_>) -> usize {
    let Ok(now) = Timestamp::new(2026, 7, 14, 12, 0, 0) else {
        return 0;
    };
    let mut options = Options::new(now);
    options.command = course.command;
    let mut decoder = Decoder::new(&options);
    let mut piece = [0; PIECE];
    let mut entries = 0;
    let mut count = |item: Item<'_>| {
        entries += usize::from(matches!(black_box(item), Item::Entry(_)));
    };
    while let Ok(length @ 1..) = source.read(&mut piece) {
        let mut rest = piece.get(..length).unwrap_or_default();
        while let Some(item) = decoder.decode(&mut rest) {
            count(item);
        }
    }
    while let Some(item) = decoder.finish() {
        count(item);
    }
    entries
}

/// It takes lines as text: they are cut with one buffer for all of them.
fn suppaftp(course: &Course, source: Source<'_>) -> usize {
    let mut entries = 0;
    each_line(source, |line| {
        let text = std::str::from_utf8(line).unwrap_or_default();
        entries += usize::from((course.suppaftp)(text));
    });
    entries
}

/// The least anybody can do: lines, and words of lines.
fn split(_course: &Course, source: Source<'_>) -> usize {
    let mut lines = 0;
    each_line(source, |line| {
        let words = line
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty());
        lines += usize::from(black_box(words.count()) > 0);
    });
    lines
}

fn each_line(source: Source<'_>, mut take: impl FnMut(&[u8])) {
    let mut reader = BufReader::with_capacity(PIECE, source);
    let mut line = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut line) {
        take(line.strip_suffix(b"\r\n").unwrap_or(&line));
        line.clear();
    }
}
