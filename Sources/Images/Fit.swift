/// What becomes of a picture of another form than the images of a set.
public enum Fit: String, CaseIterable, Sendable {
  /// The largest part of the right form is cut out of the middle.
  case crop
  /// The whole picture is kept, with margins.
  case pad
  /// The whole picture is kept, with another ratio of its sides.
  case stretch

  /// The sides of the part of a picture that becomes an image.
  ///
  /// - Parameter crop: the side of the square that is cut out, if one is given.
  func part(
    of picture: (height: Int, width: Int), for image: (height: Int, width: Int), crop: Int?
  ) -> (height: Int, width: Int) {
    if let crop { return (min(crop, picture.height), min(crop, picture.width)) }
    guard self == .crop else { return picture }
    return picture.height * image.width >= picture.width * image.height
      ? (Self.quotient(picture.width * image.height, image.width), picture.width)
      : (picture.height, Self.quotient(picture.height * image.width, image.height))
  }

  /// The sides of that part within the image.
  func inner(
    for part: (height: Int, width: Int), in image: (height: Int, width: Int)
  ) -> (height: Int, width: Int) {
    guard self == .pad else { return image }
    return part.height * image.width >= part.width * image.height
      ? (image.height, Self.quotient(part.width * image.height, part.height))
      : (Self.quotient(part.height * image.width, part.width), image.width)
  }

  /// A positive quotient, rounded.
  private static func quotient(_ value: Int, _ divisor: Int) -> Int {
    max(1, (value + divisor / 2) / divisor)
  }
}
