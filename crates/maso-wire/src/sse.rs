//! Reading a stream of server-sent events, within limits.

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Its data.
    pub data: Vec<u8>,
    /// How long to wait before coming back, if the server says.
    pub retry_ms: Option<u64>,
}

/// Takes chunks and gives events. However a stream is cut into chunks, it gives the same.
#[derive(Debug)]
pub struct Reader {
    buffer: Vec<u8>,
    bytes_max: usize,
}

impl Reader {
    /// Reads events around frames of at most so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { buffer: Vec::new(), bytes_max: bytes_max.saturating_add(FRAMING_BYTES_MAX) }
    }

    /// Takes a chunk; `None` when an event is longer than a frame may be.
    pub fn take(&mut self, chunk: &[u8]) -> Option<Vec<Event>> {
        self.buffer.extend_from_slice(chunk);
        let mut events = Vec::new();
        while let Some((end, next)) = border(&self.buffer) {
            // Also where it comes whole: what is too long does not depend on how it was cut.
            if end > self.bytes_max {
                return None;
            }
            if let Some(event) = event(&self.buffer[..end]) {
                events.push(event);
            }
            self.buffer.drain(..next);
        }
        // One byte more may be half of the line's end that is still to come.
        (self.buffer.len() <= self.bytes_max.saturating_add(1)).then_some(events)
    }
}

/// Where the first event ends and the next begins.
fn border(buffer: &[u8]) -> Option<(usize, usize)> {
    let mut line_start = 0;
    while let Some(offset) = buffer[line_start..].iter().position(|byte| *byte == b'\n') {
        let newline = line_start + offset;
        let line = &buffer[line_start..newline];
        if line.is_empty() || line == b"\r" {
            return Some((line_start, newline + 1));
        }
        line_start = newline + 1;
    }
    None
}

fn event(block: &[u8]) -> Option<Event> {
    let mut event = Event { id: None, data: Vec::new(), retry_ms: None };
    let mut has_data = false;
    for line in block.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(0) => continue,
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if has_data {
                    event.data.push(b'\n');
                }
                has_data = true;
                event.data.extend_from_slice(value);
            }
            b"id" => event.id = std::str::from_utf8(value).ok().map(str::to_owned),
            b"retry" => event.retry_ms = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()),
            _ => {}
        }
    }
    (has_data || event.id.is_some() || event.retry_ms.is_some()).then_some(event)
}

const FRAMING_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&str]) -> Vec<(Option<String>, String)> {
        let mut reader = Reader::new(64);
        let mut events = Vec::new();
        for chunk in chunks {
            for event in reader.take(chunk.as_bytes()).unwrap() {
                events.push((event.id, String::from_utf8(event.data).unwrap()));
            }
        }
        events
    }

    #[test]
    fn events_come_whole_however_they_were_cut() {
        let expected = vec![(Some("1".to_owned()), "{}".to_owned()), (None, "a\nb".to_owned())];
        assert_eq!(read(&["id: 1\ndata: {}\n\n: note\n\ndata: a\ndata: b\n\n"]), expected);
        assert_eq!(read(&["id: 1\r\nda", "ta: {}\r", "\n\r\ndata: a\ndat", "a:b\n\n"]), expected);
        assert_eq!(read(&["data: never ended\n"]), []);
    }

    #[test]
    fn an_event_without_end_is_given_up() {
        assert!(Reader::new(64).take(&vec![b'x'; 64 + FRAMING_BYTES_MAX + 2]).is_none());
    }

    #[test]
    fn what_is_too_long_is_so_however_it_was_cut() {
        let line = |n: usize| [b"data:", vec![b'x'; n - 7].as_slice(), b"\r\n"].concat();
        for (n, fits) in [(64 + FRAMING_BYTES_MAX, true), (64 + FRAMING_BYTES_MAX + 1, false)] {
            let stream = [line(n).as_slice(), b"\r\n"].concat();
            assert_eq!(Reader::new(64).take(&stream).is_some(), fits, "whole");
            let mut reader = Reader::new(64);
            let n_events = stream
                .iter()
                .try_fold(0, |n_events, byte| Some(n_events + reader.take(std::slice::from_ref(byte))?.len()));
            assert_eq!(n_events, fits.then_some(1), "byte by byte");
        }
    }
}
