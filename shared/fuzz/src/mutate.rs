//! Mutants of seeds: some bytes changed, or a whole word put where another one stands.

/// What parsers of instants, numbers, texts, JSON, PEM and DER have stumbled over.
const WORDS: [&[u8]; 44] = [
    b"9999-12-31T23:59:59-01:00",
    b"9999-12-31T23:59:60-00:01",
    b"0000-01-01T00:00:00+23:59",
    b"0000-01-01T00:00:00Z",
    b"9999-12-31T23:59:59.999999999Z",
    b"-0001-01-01T00:00:00Z",
    b"2026-02-30T24:00:00Z",
    b"1970-01-01t00:00:00z",
    b"0",
    b"-1",
    b"-0.0",
    b"1e400",
    b"18446744073709551615",
    b"18446744073709551616",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"4294967295",
    b"340282366920938463463374607431768211456",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":",
    b"\\u0000",
    b"\\ud800",
    b"\0",
    b"\x1b[2J",
    b"\xff\xfe",
    "\u{202e}".as_bytes(),
    "\u{fdfa}\u{fdfa}".as_bytes(),
    b"xn--",
    b"*.",
    b"..",
    b"%00",
    b"-----BEGIN CERTIFICATE-----\n",
    b"-----END CERTIFICATE-----\n",
    b"-----BEGIN PRIVATE KEY-----\n",
    b"\r\n",
    b"\x30\x80",
    b"\x30\x84\xff\xff\xff\xff",
    b"\x18\x0f99991231235959Z",
    b"\x02\x81\x00",
    b"\x06\x01\x80",
];

pub(crate) struct Mutator<'a> {
    seeds: &'a [Vec<u8>],
    state: u64,
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(begin: u64, seeds: &'a [Vec<u8>]) -> Self {
        Self { seeds, state: begin }
    }

    /// The next input: a seed that was changed in one to six places.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let seeds = self.seeds;
        let mut input = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(6) {
            self.change(&mut input);
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(12)).min(input.len());
        match self.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.random().to_le_bytes()[0],
            2 => drop(input.drain(at..end)),
            3 => {
                let twice = input[at..end].to_vec();
                drop(input.splice(at..at, twice));
            }
            4 => {
                let word = WORDS[self.below(WORDS.len())];
                drop(input.splice(at..end, word.iter().copied()));
            }
            5 | 6 => self.replace_a_value(input),
            7 => {
                let other = &self.seeds[self.below(self.seeds.len())];
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => input.truncate(at.max(input.len() / 2)),
        }
    }

    /// A whole text or number of JSON becomes another one: so what it means changes, and not only how it is spelt.
    fn replace_a_value(&mut self, input: &mut Vec<u8>) {
        let quotes: Vec<usize> = (0..input.len()).filter(|at| input[*at] == b'"').collect();
        let word = WORDS[self.below(WORDS.len())];
        let digits: Vec<usize> = (0..input.len()).filter(|at| input[*at].is_ascii_digit()).collect();
        if self.below(3) == 0 && !digits.is_empty() {
            let begin = digits[self.below(digits.len())];
            let rest = input[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            drop(input.splice(begin..begin + rest, word.iter().copied()));
        } else if quotes.len() >= 2 {
            let first = self.below(quotes.len() - 1);
            drop(input.splice(quotes[first] + 1..quotes[first + 1], word.iter().copied()));
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.random() % bound).unwrap_or(0)
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
