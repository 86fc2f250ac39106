import Testing

@testable import Evaluation

@Suite("Names of pictures") struct PictureNamesTests {
  @Test func numbersWithoutNames() {
    #expect(PictureNames(nil, count: 2).names == ["000000.png", "000001.png"])
    #expect(PictureNames(nil, count: 1_000_002).names.last == "1000001.png")
    #expect(PictureNames(nil, count: 2).note == nil)
  }

  @Test func namesAndFoldersStay() {
    let names = PictureNames(["cat/000.png", "dog/a b.PNG"], count: 2)
    #expect(names.names == ["cat/000.png", "dog/a b.PNG"])
    #expect(names.note == nil)
  }

  @Test func otherKindsBecomePNG() {
    let names = PictureNames(["a/1.jpg", "a/2.JPEG", "a/3.tif", "4", "5.0"], count: 5)
    #expect(names.names == ["a/1.png", "a/2.png", "a/3.png", "4.png", "5.0.png"])
    #expect(names.note == "5 originals of other kinds became PNG")
  }

  /// Two originals are never one picture; the PNG keeps its name, whatever the order.
  @Test func whatWouldCollideIsToldApart() {
    let names = PictureNames(
      ["a.jpg", "a.png", "a.tif", "a.jpg", "a.png", "b/c.png", "b"], count: 7)
    #expect(
      names.names
        == ["a.jpg.png", "a.png", "a.tif.png", "a-2.png", "a.png.png", "b/c.png", "b.png"])
    #expect(Set(names.names).count == 7)
    #expect(names.note?.contains("4 pictures got another name") == true)
  }

  /// A picture never has the name of another's folder.
  @Test func foldersAreNoPictures() {
    let names = PictureNames(["x.png", "x.png/y.png", "x.png.png/z.png"], count: 3)
    #expect(names.names == ["x-2.png", "x.png/y.png", "x.png.png/z.png"])
  }

  @Test(arguments: [
    ("../../etc/passwd", "etc/passwd.png"), ("/top/a.png", "top/a.png"), ("..", "unnamed.png"),
    ("", "unnamed.png"), ("./a//b.png", "a/b.png"), ("a\u{1b}[2J.png", "a_[2J.png"),
    ("a\nb.png", "a_b.png"), ("a/../../b.png", "a/b.png"), ("\u{202e}gnp.png", "_gnp.png"),
    (".png", ".png.png"), ("..png", "..png"),
  ])
  func nothingLeadsElsewhere(original: String, expected: String) {
    let names = PictureNames([original], count: 1)
    #expect(names.names == [expected])
  }

  @Test func longNamesAreCut() {
    let long = String(repeating: "\u{e9}", count: 300)
    let names = PictureNames(["\(long)/\(long).png", "\(long)/\(long)x.png"], count: 2).names
    #expect(Set(names).count == 2)
    #expect(names.allSatisfy { $0.split(separator: "/").allSatisfy { $0.utf8.count < 220 } })
    #expect(names.allSatisfy { $0.hasSuffix(".png") })
  }

  /// The mark of the folder is written last, and its name is its own.
  @Test func theMarkKeepsItsName() {
    let names = PictureNames(["cleave.json/a.png", "b/cleave.json/a.png", "cleave.json"], count: 3)
    #expect(names.names == ["cleave.json-2/a.png", "b/cleave.json/a.png", "cleave.json.png"])
    #expect(names.note?.contains("1 picture got another name") == true)
  }
}
