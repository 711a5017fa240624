import fc from 'fast-check';

// A rule that is taken out fails in the same way each time, not in most runs.
fc.configureGlobal({ seed: 1 });
