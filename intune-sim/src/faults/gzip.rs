//! A gzip stream written by hand: 258 blanks take two bits, so a gigabyte takes one megabyte.
//!
//! RFC 1952 (gzip) and RFC 1951 (deflate).

const BLANK: u8 = b' ';
/// The longest repetition that deflate knows.
const RUN: u64 = 258;

/// `head`, blanks and `tail`, of `size` bytes together; at least one blank.
pub(super) fn padded(head: &[u8], tail: &[u8], size: u64) -> Vec<u8> {
    let fixed = (head.len() + tail.len()) as u64;
    let blanks = size.saturating_sub(fixed).max(1);
    // The first blank is written out, then repeated; what makes no whole run ends the text.
    let runs = (blanks - 1) / RUN;
    let rest = (blanks - 1) % RUN;

    let mut bits = Bits::default();
    bits.bytes.extend([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]);
    bits.stored(&[head, &[BLANK]].concat(), false);
    bits.repeat(runs);
    let mut end = vec![BLANK; rest as usize];
    end.extend(tail);
    bits.stored(&end, true);

    let mut crc = Crc::of(head);
    crc = crc.then(&Crc::of(&[BLANK]).times(blanks));
    crc = crc.then(&Crc::of(tail));
    bits.bytes.extend(crc.value().to_le_bytes());
    // The size modulo 2^32.
    bits.bytes.extend(((fixed + blanks) as u32).to_le_bytes());
    bits.bytes
}

/// A deflate stream: bits from the least significant one on.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    partial: u8,
    filled: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for place in 0..count {
            let bit = (value >> place & 1) as u8;
            self.partial |= bit << self.filled;
            self.filled += 1;
            if self.filled == 8 {
                self.align();
            }
        }
    }

    fn align(&mut self) {
        if self.filled > 0 {
            self.bytes.push(self.partial);
            (self.partial, self.filled) = (0, 0);
        }
    }

    /// A block of bytes as they are, 65,535 at most.
    fn stored(&mut self, bytes: &[u8], last: bool) {
        self.put(last.into(), 1);
        self.put(0, 2);
        self.align();
        let length = bytes.len() as u16;
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend((!length).to_le_bytes());
        self.bytes.extend(bytes);
    }

    /// A block that repeats the byte before it, 258 times each run.
    ///
    /// Its two symbols, "258 bytes" (285) and the end (256), have codes of one bit, and so has distance 1.
    fn repeat(&mut self, runs: u64) {
        self.put(0, 1);
        self.put(2, 2);
        // 286 symbols, one distance; 18 lengths of code length codes follow, in the order of the format.
        self.put(286 - 257, 5);
        self.put(0, 5);
        self.put(18 - 4, 4);
        for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
            // Only 1 ("a code of one bit") and 18 ("many unused symbols") occur.
            self.put(matches!(symbol, 1 | 18).into(), 3);
        }
        let (one, unused) = (0, 1);
        for skipped in [138, 118] {
            self.put(unused, 1);
            self.put(skipped - 11, 7);
        }
        self.put(one, 1);
        self.put(unused, 1);
        self.put(28 - 11, 7);
        self.put(one, 1);
        self.put(one, 1);
        // For each run, 1 for the length and 0 for the distance.
        for _ in 0..runs {
            self.put(0b01, 2);
        }
        // The end's code is 0.
        self.put(0, 1);
    }
}

/// What a text does to a CRC-32: an affine map over bits, so that repetition is squaring.
#[derive(Clone)]
struct Crc {
    /// The image of zero.
    constant: u32,
    /// The images of the single bits, without the constant.
    columns: [u32; 32],
}

impl Crc {
    fn of(text: &[u8]) -> Self {
        let constant = run(0, text);
        Self {
            constant,
            columns: std::array::from_fn(|bit| run(1 << bit, text) ^ constant),
        }
    }

    fn linear(&self, state: u32) -> u32 {
        let columns = self.columns.iter().enumerate();
        let set = columns.filter(|(bit, _)| state >> bit & 1 == 1);
        set.fold(0, |sum, (_, column)| sum ^ column)
    }

    fn then(&self, next: &Self) -> Self {
        Self {
            constant: next.linear(self.constant) ^ next.constant,
            columns: self.columns.map(|column| next.linear(column)),
        }
    }

    fn times(&self, mut count: u64) -> Self {
        let mut square = self.clone();
        let mut product = Self::of(b"");
        while count > 0 {
            if count & 1 == 1 {
                product = product.then(&square);
            }
            square = square.then(&square);
            count >>= 1;
        }
        product
    }

    fn value(&self) -> u32 {
        !(self.linear(!0) ^ self.constant)
    }
}

/// The CRC register after a text.
fn run(register: u32, text: &[u8]) -> u32 {
    text.iter().fold(register, |register, byte| {
        (0..8).fold(register ^ u32::from(*byte), |register, _| {
            let carry = if register & 1 == 1 { 0xEDB8_8320 } else { 0 };
            register >> 1 ^ carry
        })
    })
}
