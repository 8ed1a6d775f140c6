//! Amounts of money, as people write them.

/// So many of the smallest unit, as people write it: `184250` cents are `1,842.50 EUR`.
pub fn in_currency(minor: u64, currency: &str) -> String {
    let n_decimals = decimals(currency);
    let unit = 10_u64.pow(n_decimals);
    let whole = (minor / unit).to_string();
    let mut grouped = String::with_capacity(whole.len() + whole.len() / 3);
    for (nth, digit) in whole.chars().enumerate() {
        if nth > 0 && (whole.len() - nth).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match n_decimals {
        0 => format!("{grouped} {currency}"),
        width => format!("{grouped}.{:0width$} {currency}", minor % unit, width = width as usize),
    }
}

/// How many decimals the unit of a currency has (ISO 4217).
pub fn decimals(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}
