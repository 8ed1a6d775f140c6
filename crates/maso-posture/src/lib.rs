//! PACE, breakers and counters as one pure transition function.
