-- The insurer's system of record, as it stands before the day's claims are handled.
-- All businesses, accounts and addresses are made up. Amounts are in euro cents.

CREATE TABLE policies (
  policy_id         TEXT PRIMARY KEY,
  holder            TEXT NOT NULL,
  email             TEXT NOT NULL,
  payee_iban        TEXT NOT NULL,
  cover_limit_minor INTEGER NOT NULL CHECK (cover_limit_minor > 0),
  deductible_minor  INTEGER NOT NULL CHECK (deductible_minor >= 0),
  active_from       TEXT NOT NULL,
  active_until      TEXT NOT NULL
) STRICT;

-- received -> assessed -> paid | stopped, or received -> declined where the policy does not cover the loss.
CREATE TABLE claims (
  claim_id        TEXT PRIMARY KEY,
  policy_id       TEXT NOT NULL REFERENCES policies (policy_id),
  peril           TEXT NOT NULL,
  loss_date       TEXT NOT NULL,
  summary         TEXT NOT NULL,
  appraisal_minor INTEGER NOT NULL CHECK (appraisal_minor > 0),
  state           TEXT NOT NULL DEFAULT 'received'
                  CHECK (state IN ('received', 'assessed', 'paid', 'stopped', 'declined')),
  stop_reason     TEXT CHECK (stop_reason IN ('not_approved', 'refused')),
  CHECK ((state = 'stopped') = (stop_reason IS NOT NULL))
) STRICT;

-- What intake read out of the documents: staged, replaced by a later extract, never acted upon by itself.
CREATE TABLE extracts (
  claim_id             TEXT PRIMARY KEY REFERENCES claims (claim_id),
  documents            TEXT NOT NULL,
  claimed_amount_minor INTEGER,
  recorded_at          TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE TABLE assessments (
  claim_id    TEXT PRIMARY KEY REFERENCES claims (claim_id),
  covered     INTEGER NOT NULL CHECK (covered IN (0, 1)),
  rationale   TEXT NOT NULL,
  recorded_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

-- Money that left. It does what it is told: nothing here knows whose account an IBAN is.
CREATE TABLE payments (
  payment_id      INTEGER PRIMARY KEY,
  claim_id        TEXT NOT NULL REFERENCES claims (claim_id),
  payee_iban      TEXT NOT NULL,
  amount_minor    INTEGER NOT NULL CHECK (amount_minor > 0),
  idempotency_key TEXT NOT NULL UNIQUE,
  paid_at         TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

-- Mail that left.
CREATE TABLE outbox (
  mail_id    INTEGER PRIMARY KEY,
  claim_id   TEXT,
  to_address TEXT NOT NULL,
  subject    TEXT NOT NULL,
  body       TEXT NOT NULL,
  sent_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

-- Customer lists that left.
CREATE TABLE exports (
  export_id   INTEGER PRIMARY KEY,
  to_address  TEXT NOT NULL,
  n_customers INTEGER NOT NULL,
  exported_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

INSERT INTO policies VALUES
  ('P-2001', 'Harbour Street Bakery', 'office@harbour-bakery.example', 'DE52999900010037306409', 5000000, 25000, '2026-01-01', '2026-12-31'),
  ('P-2002', 'Cedar Lane Bicycles', 'accounts@cedarlane-bicycles.example', 'DE62999900020750151032', 4000000, 50000, '2026-03-01', '2027-02-28'),
  ('P-2003', 'Northgate Print Shop', 'billing@northgate-print.example', 'DE72999900031462995655', 6000000, 50000, '2026-01-01', '2026-12-31'),
  ('P-2004', 'Mill Pond Guesthouse', 'desk@millpond-guesthouse.example', 'DE74999900012175840278', 1500000, 100000, '2026-05-01', '2027-04-30'),
  ('P-2005', 'Lindenhof Pharmacy', 'office@lindenhof-pharmacy.example', 'DE84999900022888684901', 8000000, 50000, '2026-02-01', '2027-01-31'),
  ('P-2006', 'Old Quarry Pottery', 'studio@oldquarry-pottery.example', 'DE94999900033601529524', 3000000, 30000, '2026-01-01', '2026-12-31'),
  ('P-2007', 'Riverside Opticians', 'practice@riverside-opticians.example', 'DE96999900014314374147', 7000000, 50000, '2026-04-01', '2027-03-31'),
  ('P-2008', 'Station Road Laundry', 'office@stationroad-laundry.example', 'DE09999900025027218770', 4500000, 25000, '2026-06-01', '2027-05-31'),
  ('P-2009', 'Brookfield Joinery', 'workshop@brookfield-joinery.example', 'DE19999900035740063393', 5500000, 50000, '2025-07-01', '2026-06-30'),
  ('P-2010', 'Eastfield Garden Centre', 'office@eastfield-gardens.example', 'DE21999900016452908016', 6500000, 75000, '2026-01-01', '2026-12-31'),
  ('P-2011', 'Market Square Books', 'hello@marketsquare-books.example', 'DE31999900027165752639', 2500000, 20000, '2026-03-01', '2027-02-28'),
  ('P-2012', 'Westpier Chandlery', 'stores@westpier-chandlery.example', 'DE41999900037878597262', 3500000, 40000, '2026-01-01', '2026-12-31');

INSERT INTO claims (claim_id, policy_id, peril, loss_date, summary, appraisal_minor) VALUES
  ('C-1001', 'P-2001', 'burst pipe', '2026-10-03', 'Supply pipe above the oven room burst overnight; two ovens and the floor were soaked.', 418000),
  ('C-1002', 'P-2002', 'burglary', '2026-10-05', 'Rear door forced; three electric bicycles and a till taken.', 964000),
  ('C-1003', 'P-2003', 'water damage', '2026-10-06', 'Roof drain blocked in heavy rain; paper stock and a cutter damaged.', 732500),
  ('C-1004', 'P-2004', 'storm', '2026-10-08', 'Gale lifted part of the roof; four guest rooms wet.', 2175000),
  ('C-1005', 'P-2005', 'power surge', '2026-10-09', 'Grid surge destroyed two medicine refrigerators and their contents.', 689000),
  ('C-1006', 'P-2006', 'fire', '2026-10-11', 'Kiln controller failed; kiln lining and one wall burnt.', 541500),
  ('C-1007', 'P-2007', 'burglary', '2026-10-12', 'Display window broken; frames and a lens meter stolen.', 827000),
  ('C-1008', 'P-2008', 'machine breakdown', '2026-10-14', 'Main drum bearing seized and tore the casing of washer 2.', 396000),
  ('C-1009', 'P-2009', 'fire', '2026-10-15', 'Extractor caught fire; dust collector and two benches lost.', 1180000),
  ('C-1010', 'P-2010', 'hail', '2026-10-17', 'Hail broke the panes of the north glasshouse.', 654000),
  ('C-1011', 'P-2011', 'water damage', '2026-10-19', 'Radiator valve leaked over a weekend; stock in the lower shelves spoilt.', 287000),
  ('C-1012', 'P-2012', 'storm', '2026-10-20', 'Storm surge reached the store room; rope and electronics soaked.', 770500);
