import Foundation
import Support

/// All experiments: a definition in `Definitions`, and a line here.
public enum ExperimentCatalogue {
  private static let definitions: [(name: String, document: [UInt8])] = [
    ("rvae-figure-2", PackageResources.rvae_figure_2_json),
    ("rvae-figure-3a", PackageResources.rvae_figure_3a_json),
    ("rvae-figure-3b", PackageResources.rvae_figure_3b_json),
    ("rvae-table-2", PackageResources.rvae_table_2_json),
    ("rvae-table-3", PackageResources.rvae_table_3_json),
    ("rvae-table-4", PackageResources.rvae_table_4_json),
    ("dvae-figure-1", PackageResources.dvae_figure_1_json),
    ("dvae-table-1", PackageResources.dvae_table_1_json),
    ("dvae-table-2", PackageResources.dvae_table_2_json),
    ("dvae-table-3", PackageResources.dvae_table_3_json),
    ("daae-figure-2", PackageResources.daae_figure_2_json),
    ("daae-figure-8", PackageResources.daae_figure_8_json),
    ("daae-table-1", PackageResources.daae_table_1_json),
    ("daae-table-2", PackageResources.daae_table_2_json),
    ("daae-table-4", PackageResources.daae_table_4_json),
    ("daae-table-5", PackageResources.daae_table_5_json),
    ("daae-table-6", PackageResources.daae_table_6_json),
    ("ric-figure-2", PackageResources.ric_figure_2_json),
    ("ric-figure-3a", PackageResources.ric_figure_3a_json),
    ("ric-figure-3b", PackageResources.ric_figure_3b_json),
    ("ric-figure-4", PackageResources.ric_figure_4_json),
    ("ric-figure-5", PackageResources.ric_figure_5_json),
    ("ric-figure-6", PackageResources.ric_figure_6_json),
    ("ric-table-1", PackageResources.ric_table_1_json),
    ("fair-baseline", PackageResources.fair_baseline_json),
    ("noise-faces", PackageResources.noise_faces_json),
    ("noise-gans", PackageResources.noise_gans_json),
    ("noise-models", PackageResources.noise_models_json),
  ]

  /// The names, in order.
  public static let names = definitions.map(\.name)

  /// The experiment with a name, or the one in a file whose name ends in `.json`.
  ///
  /// - Throws: `ExperimentError` for an unknown name, a file that cannot be read, or a definition
  ///   with a fault.
  public static func experiment(_ word: String) throws(ExperimentError) -> Experiment {
    if word.hasSuffix(".json") {
      let name = word.split(separator: "/").last.map { String($0.dropLast(".json".count)) } ?? word
      return try Experiment(
        document(try bytes(of: word), word), name: name, place: word, relative: definition)
    }
    return try Experiment(definition(word), name: word, place: word, relative: definition)
  }

  /// The whole document of an experiment, with what it takes from another.
  private static func definition(_ name: String) throws(ExperimentError) -> JSONValue {
    guard let found = definitions.first(where: { $0.name == name }) else {
      throw .usage(
        "unknown experiment \(name.shortened)" + Spelling.hint(for: name, in: names)
          + "; cleave experiment list names them, a file of one's own ends in .json")
    }
    let own = try document(found.document, name)
    guard let other = own["like"]?.text else { return own }
    return try definition(other).merged(with: own).merged(with: ["like": .null])
  }

  /// The JSON document in some bytes.
  static func document(_ bytes: [UInt8], _ place: String) throws(ExperimentError) -> JSONValue {
    do { return try JSONValue(parsing: String(decoding: bytes, as: UTF8.self)) } catch {
      throw .data("\(place): not a JSON document\(JSONValue.place(of: error))")
    }
  }

  private static let mostBytes = 1 << 24

  /// The bytes of a definition or a result.
  static func bytes(of path: String) throws(ExperimentError) -> [UInt8] {
    do throws(RegularFile.Refusal) {
      return try RegularFile.read(path, atMost: mostBytes, followingLinks: true)
    } catch { throw .data("\(path): cannot be read: \(error)") }
  }

  /// The result in a file.
  ///
  /// - Throws: `ExperimentError` for a file that cannot be read, or that is something else.
  public static func result(_ path: String) throws(ExperimentError) -> ExperimentResult {
    try ExperimentResult(document(try bytes(of: path), path), path)
  }
}
