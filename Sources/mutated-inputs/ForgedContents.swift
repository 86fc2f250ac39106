import CHDF5
import Foundation
import Support

/// Changes of `checkpoint.h5` that a random change of bytes hardly finds: numbers, shapes, and
/// links that lead elsewhere.
struct ForgedContents {
  /// A file outside of the run, with a dataset `/w`.
  let canary: String

  func forge(_ path: String, _ chance: inout SplitMix64) {
    let file = H5Fopen(path, chdf5_read_write(), chdf5_default_properties())
    guard file >= 0 else { return }
    defer { H5Fclose(file) }
    for _ in 0...chance.next(below: 2) {
      if chance.next(below: 2) == 0 {
        changeAttribute(file, &chance)
      } else {
        changeObject(file, &chance)
      }
    }
  }

  /// Puts another text in the place of the configuration.
  static func replaceConfiguration(in path: String, by text: String) {
    let file = H5Fopen(path, chdf5_read_write(), chdf5_default_properties())
    guard file >= 0 else { return }
    defer { H5Fclose(file) }
    let dataset = H5Dopen2(file, "/config", chdf5_default_properties())
    let type = H5Tcopy(chdf5_c_string())
    H5Tset_size(type, chdf5_variable_length())
    H5Tset_cset(type, H5T_CSET_UTF8)
    text.replacing("\0", with: "").withCString { start in
      var pointer: UnsafePointer<CChar>? = start
      H5Dwrite(
        dataset, type, chdf5_whole_space(), chdf5_whole_space(), chdf5_default_properties(),
        &pointer)
    }
    H5Tclose(type)
    H5Dclose(dataset)
  }

  // MARK: - Attributes

  private static let attributes = [
    ("/progress", "seed"), ("/progress", "lanes"), ("/progress", "outer"), ("/progress", "epoch"),
    ("/progress", "step"), ("/progress", "images_seen"), ("/progress", "exact"),
    ("/progress", "blas_kernel"), ("/progress/values", "epoch_in_outer"),
    ("/progress/values", "step_in_epoch"), ("/progress/values", "finished"),
    ("/progress/values", "image_height"), ("/progress/values", "image_width"),
    ("/progress/values", "image_channels"), ("/progress/values", "threshold"),
    ("/progress/values", "skipped_steps"), ("/progress/values", "epoch_width"),
    ("/progress/values", "epoch_sum_0"), ("/progress/values", "epoch_sum_1"),
    ("/progress/values", "epoch_term_loss"), ("/progress/values", "epoch_term_\u{1b}[2J"),
    ("/optimizer/all", "step"), ("/", "format"), ("/", "version"), ("/data", "digest"),
    ("/data", "rows"), ("/data", "height"), ("/data", "element"), ("/data", "path"),
  ]

  private func changeAttribute(_ file: hid_t, _ chance: inout SplitMix64) {
    let (path, name) = Self.attributes[chance.next(below: Self.attributes.count)]
    let object = H5Oopen(file, path, chdf5_default_properties())
    guard object >= 0 else { return }
    defer { H5Oclose(object) }
    H5Adelete(object, name)
    let numbers: [Double] = [
      .nan, .infinity, -.infinity, 1e300, -1e300, -1, 0, 0.5, 1, 3, 65_536, 2_147_483_647, 1e15,
    ]
    let integers: [Int64] = [
      -1, 0, 1, 3, 7, 4096, 4097, 0x7fff_ffff, 0x8000_0000, 1 << 53, 1 << 62, .max, .min,
    ]
    switch chance.next(below: 8) {
    case 0: break
    case 1...3:
      var value = numbers[chance.next(below: numbers.count)]
      Self.write(name, on: object, chdf5_float64(), [], &value)
    case 4...5:
      var value = integers[chance.next(below: integers.count)]
      Self.write(name, on: object, chdf5_int64(), [], &value)
    case 6:
      var values = [Double](repeating: 1e300, count: 100)
      Self.write(name, on: object, chdf5_float64(), [100], &values)
    default:
      var text = Array("\u{1b}[2J\u{7}cleave".utf8)
      let type = H5Tcopy(chdf5_c_string())
      H5Tset_size(type, text.count)
      Self.write(name, on: object, type, [], &text)
      H5Tclose(type)
    }
  }

  private static func write(
    _ name: String, on object: hid_t, _ type: hid_t, _ shape: [hsize_t], _ value: UnsafeRawPointer
  ) {
    let space =
      shape.isEmpty ? H5Screate(H5S_SCALAR) : H5Screate_simple(Int32(shape.count), shape, nil)
    let attribute = H5Acreate2(
      object, name, type, space, chdf5_default_properties(), chdf5_default_properties())
    H5Awrite(attribute, type, value)
    H5Aclose(attribute)
    H5Sclose(space)
  }

  // MARK: - Groups and datasets

  /// The paths of some objects of the file.
  private func objects(_ file: hid_t) -> [String] {
    var found = ["/config", "/model", "/optimizer", "/progress", "/progress/values", "/history"]
    var next = ["/model", "/optimizer", "/history", "/split"]
    while let group = next.popLast(), found.count < 200 {
      let id = H5Gopen2(file, group, chdf5_default_properties())
      guard id >= 0 else { continue }
      defer { H5Gclose(id) }
      var information = H5G_info_t()
      H5Gget_info(id, &information)
      for index in 0..<min(information.nlinks, 40) {
        var name = [CChar](repeating: 0, count: 256)
        guard
          H5Lget_name_by_idx(
            id, ".", H5_INDEX_NAME, H5_ITER_INC, index, &name, 255, chdf5_default_properties()) > 0
        else { continue }
        let text = String(
          decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        found.append("\(group)/\(text)")
        if group.split(separator: "/").count < 3 { next.append("\(group)/\(text)") }
      }
    }
    return found
  }

  private func changeObject(_ file: hid_t, _ chance: inout SplitMix64) {
    let all = objects(file)
    let path = all[chance.next(below: all.count)]
    let other = all[chance.next(below: all.count)]
    let kind = chance.next(below: 10)
    let standard = chdf5_default_properties()
    if kind == 0 {
      // A group that is a member of itself, or a dataset with a second name.
      let parent = path.split(separator: "/").dropLast().joined(separator: "/")
      H5Lcreate_hard(file, "/" + parent, file, path + "-again", standard, standard)
      return
    }
    H5Ldelete(file, path, standard)
    switch kind {
    case 1: break
    case 2: H5Lcreate_external(canary, "/w", file, path, standard, standard)
    case 3: H5Lcreate_soft(other, file, path, standard, standard)
    case 4: H5Lcreate_soft(path, file, path, standard, standard)
    case 5: H5Lcreate_hard(file, other, file, path, standard, standard)
    default: create(path, in: file, kind, &chance)
    }
  }

  /// Makes a dataset that stores less than it declares, or stores it elsewhere.
  private func create(_ path: String, in file: hid_t, _ kind: Int, _ chance: inout SplitMix64) {
    let shapes: [[hsize_t]] = [
      [0], [1], [3, 2], [4, 4], [8, 784], [784, 8], [0, 2], [1 << 40], [1 << 31, 1 << 31],
      [1 << 20, 1 << 20, 1 << 20, 1 << 20], [1 << 62, 2],
    ]
    let types = [chdf5_float32(), chdf5_float64(), chdf5_int64(), chdf5_uint8()]
    let shape = shapes[chance.next(below: shapes.count)]
    let creation = H5Pcreate(chdf5_dataset_creation())
    let space = H5Screate_simple(Int32(shape.count), shape, nil)
    H5Pset_alloc_time(creation, H5D_ALLOC_TIME_LATE)
    switch kind {
    case 6: H5Pset_external(creation, canary, 0, 1 << 62)
    case 7:
      let source = H5Screate_simple(1, [4], nil)
      H5Pset_virtual(creation, space, canary, "/w", source)
      H5Sclose(source)
    case 8: H5Pset_chunk(creation, Int32(shape.count), shape.map { max(1, min($0, 16)) })
    default: break
    }
    let type = types[chance.next(below: types.count)]
    let dataset = H5Dcreate2(
      file, path, type, space, chdf5_default_properties(), creation, chdf5_default_properties())
    let small = shape.reduce(1.0) { $0 * Double($1) } < 1e5
    if dataset >= 0 && small && kind > 7 {
      let values = [Double](repeating: chance.next(below: 2) == 0 ? .nan : 1e300, count: 100_000)
      H5Dwrite(
        dataset, chdf5_float64(), chdf5_whole_space(), chdf5_whole_space(),
        chdf5_default_properties(), values)
    }
    if dataset >= 0 { H5Dclose(dataset) }
    H5Sclose(space)
    H5Pclose(creation)
  }
}
