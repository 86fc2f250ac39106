extension Configuration {
  /// Settings that hold for the whole run: its data, lanes, networks and random draws stand on them.
  static let fixedKeys: Set<String> = [
    "model", "seed", "batch", "lanes", "rows", "static_noise", "optimizer", "hidden",
    "decoder_hidden",
    "discriminator_hidden", "network", "channels", "output_normalization", "latent", "activation",
    "split_storage", "prior", "initialization", "likelihood", "inference", "gru_steps", "gru_input",
    "gru_corrupt", "binarize", "joint",
  ]

  /// Checks that a run can go on with these settings.
  ///
  /// - Parameter original: The configuration the run was created with.
  /// - Throws: `ConfigurationError` that names the first setting which differs though it is fixed.
  public func checkResume(of original: Configuration) throws(ConfigurationError) {
    for key in Self.keys where Self.fixedKeys.contains(key.name) {
      let (old, new) = (key.value(original), key.value(self))
      guard old != new else { continue }
      throw ConfigurationError(
        key: key.name, found: new.line,
        expected: "\(old.line), which is fixed for the run; a new run can have another")
    }
  }
}
