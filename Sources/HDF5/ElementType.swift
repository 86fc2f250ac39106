import CHDF5

/// The type of one element of a dataset or attribute.
public enum ElementType: Equatable, Sendable, CustomStringConvertible {
  /// Unsigned 8-bit integer.
  case uint8
  /// Signed 8-bit integer.
  case int8
  /// Signed 32-bit integer.
  case int32
  /// Signed 64-bit integer.
  case int64
  /// IEEE half precision, numpy's float16.
  case float16
  /// IEEE single precision.
  case float32
  /// IEEE double precision.
  case float64
  /// Text of fixed or variable length.
  case string
  /// Any other type, by name, such as "uint16" or "compound". Other integers and floats can be read
  /// as one of the types above.
  case other(String)

  /// The type's name in numpy, if numpy has one.
  public var description: String {
    switch self {
    case .uint8: "uint8"
    case .int8: "int8"
    case .int32: "int32"
    case .int64: "int64"
    case .float16: "float16"
    case .float32: "float32"
    case .float64: "float64"
    case .string: "string"
    case .other(let name): name
    }
  }

  /// Bytes of one element in memory; nil for strings and other types.
  public var byteCount: Int? {
    switch self {
    case .uint8, .int8: 1
    case .float16: 2
    case .int32, .float32: 4
    case .int64, .float64: 8
    case .string, .other: nil
    }
  }
}

/// A Swift type whose arrays hold a dataset's elements as they lie in memory.
public protocol Element: BitwiseCopyable {
  /// The element type with the same bytes.
  static var elementType: ElementType { get }
  /// The initial value of fresh memory.
  static var zero: Self { get }
}

extension UInt8: Element {
  /// `uint8`.
  public static var elementType: ElementType { .uint8 }
}
extension Int8: Element {
  /// `int8`.
  public static var elementType: ElementType { .int8 }
}
extension Int32: Element {
  /// `int32`.
  public static var elementType: ElementType { .int32 }
}
extension Int64: Element {
  /// `int64`.
  public static var elementType: ElementType { .int64 }
}
extension Float16: Element {
  /// `float16`.
  public static var elementType: ElementType { .float16 }
}
extension Float: Element {
  /// `float32`.
  public static var elementType: ElementType { .float32 }
}
extension Double: Element {
  /// `float64`.
  public static var elementType: ElementType { .float64 }
}

extension ElementType {
  /// The element type of an HDF5 datatype.
  init(of type: borrowing Handle) {
    let bits = 8 * H5Tget_size(type.id)
    switch H5Tget_class(type.id) {
    case H5T_INTEGER:
      let signed = H5Tget_sign(type.id) != H5T_SGN_NONE
      switch (bits, signed) {
      case (8, false): self = .uint8
      case (8, true): self = .int8
      case (32, true): self = .int32
      case (64, true): self = .int64
      default: self = .other("\(signed ? "int" : "uint")\(bits)")
      }
    case H5T_FLOAT:
      switch (bits, H5Tget_ebias(type.id)) {
      case (16, 15): self = .float16
      case (32, 127): self = .float32
      case (64, 1023): self = .float64
      default: self = .other("\(bits)-bit float")
      }
    case H5T_STRING: self = .string
    case H5T_ENUM: self = .other(Self.isBool(type) ? "bool" : "enumeration")
    case H5T_COMPOUND: self = .other("compound")
    case H5T_ARRAY: self = .other("array")
    case H5T_VLEN: self = .other("variable-length sequence")
    case H5T_REFERENCE: self = .other("reference")
    case H5T_OPAQUE: self = .other("opaque")
    case H5T_BITFIELD: self = .other("bit field")
    default: self = .other("unknown type")
    }
  }
}

extension ElementType {
  /// Whether an enumeration is numpy's bool: bytes named FALSE, 0, and TRUE, 1.
  private static func isBool(_ type: borrowing Handle) -> Bool {
    guard H5Tget_size(type.id) == 1, H5Tget_nmembers(type.id) == 2 else { return false }
    return [("FALSE", 0), ("TRUE", 1)].allSatisfy { name, expected in
      var value: UInt8 = 255
      return H5Tenum_valueof(type.id, name, &value) >= 0 && value == expected
    }
  }
}

extension File {
  /// The HDF5 datatype of `type` in this machine's byte order; strings are UTF-8 of any length.
  func datatype(_ type: ElementType, for object: String) throws(HDF5Error) -> Handle {
    switch type {
    case .uint8: return try copy(chdf5_uint8(), for: object)
    case .int8: return try copy(chdf5_int8(), for: object)
    case .int32: return try copy(chdf5_int32(), for: object)
    case .int64: return try copy(chdf5_int64(), for: object)
    case .float32: return try copy(chdf5_float32(), for: object)
    case .float64: return try copy(chdf5_float64(), for: object)
    case .float16:
      // Fields before size: the wider type has space for the old and the new fields.
      let half = try copy(chdf5_float32(), for: object)
      try check(H5Tset_fields(half.id, 15, 10, 5, 0, 10), "H5Tset_fields", object)
      try check(H5Tset_size(half.id, 2), "H5Tset_size", object)
      try check(H5Tset_ebias(half.id, 15), "H5Tset_ebias", object)
      return half
    case .string:
      let text = try copy(chdf5_c_string(), for: object)
      try check(H5Tset_size(text.id, chdf5_variable_length()), "H5Tset_size", object)
      try check(H5Tset_cset(text.id, H5T_CSET_UTF8), "H5Tset_cset", object)
      return text
    case .other(let name):
      throw HDF5Error(file: path, object: object, message: "elements of type \(name) unsupported")
    }
  }

  private func copy(_ type: hid_t, for object: String) throws(HDF5Error) -> Handle {
    try Handle(H5Tcopy(type), "H5Tcopy", file: path, object: object, closedBy: H5Tclose)
  }
}
