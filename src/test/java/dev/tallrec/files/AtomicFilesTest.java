package dev.tallrec.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {

  @TempDir private Path directory;
  private Path file;

  @BeforeEach
  void chooseAFile() {
    file = directory.resolve("scores.csv");
  }

  @Test
  void aFailedWriteLeavesTheOldFile() throws IOException {
    Files.writeString(file, "old");
    assertThatThrownBy(() ->
            AtomicFiles.replaceFile(
                file,
                aside -> {
                  Files.writeString(aside, "half");
                  throw new IOException("No space left on device");
                }))
        .hasMessageContaining("No space left");
    assertThat(file).hasContent("old");
    assertThat(directory.toFile().list()).containsExactly("scores.csv");
  }

  @Test
  void aFailedDirectoryLeavesTheOldOne() throws IOException {
    Path target = directory.resolve("adapter");
    AtomicFiles.replaceDirectory(target, aside -> Files.writeString(aside.resolve("a"), "old"));
    assertThatThrownBy(() ->
            AtomicFiles.replaceDirectory(
                target,
                aside -> {
                  Files.writeString(aside.resolve("a"), "half");
                  throw new IOException("No space left on device");
                }))
        .hasMessageContaining("No space left");
    assertThat(target.resolve("a")).hasContent("old");
    assertThat(directory.toFile().list()).containsExactly("adapter");
    AtomicFiles.replaceDirectory(target, aside -> Files.writeString(aside.resolve("a"), "new"));
    assertThat(target.resolve("a")).hasContent("new");
  }

  @Test
  void aKillBetweenTheRenamesIsMended() throws IOException {
    Path target = directory.resolve("adapter");
    Path old = directory.resolve(".adapter.tallrec-old");
    Files.createDirectory(old);
    Files.writeString(old.resolve("a"), "old");
    AtomicFiles.recover(target);
    assertThat(target.resolve("a")).hasContent("old");
    assertThat(old).doesNotExist();
  }

  @Test
  void whatAKillLeftIsNeitherKeptNorInTheWay() throws IOException {
    Path target = directory.resolve("adapter");
    Path old = directory.resolve(".adapter.tallrec-old");
    Path aside = directory.resolve(".adapter.tallrec-new");
    for (Path path : List.of(target, old, aside)) {
      Files.createDirectory(path);
      Files.writeString(path.resolve("stale"), path.toString());
    }
    AtomicFiles.recover(target);
    assertThat(target.resolve("stale")).hasContent(target.toString());
    assertThat(old).doesNotExist();
    // Killed once more, now between the renames; then the next one fails.
    Files.move(target, old);
    assertThatThrownBy(() ->
            AtomicFiles.replaceDirectory(
                target,
                path -> {
                  assertThat(path).isEmptyDirectory();
                  throw new IOException("No space left on device");
                }))
        .hasMessageContaining("No space left");
    assertThat(target.resolve("stale")).hasContent(target.toString());
    assertThat(directory.toFile().list()).containsExactly("adapter");
  }

  @Test
  void directoriesOfTheUsersWithLikelyNamesStay() throws IOException {
    Path target = directory.resolve("adapter");
    List<Path> own = List.of(directory.resolve("adapter.old"), directory.resolve("adapter.new"));
    for (Path path : own) {
      Files.createDirectory(path);
      Files.writeString(path.resolve("a"), "kept");
    }
    AtomicFiles.recover(target);
    assertThat(target).doesNotExist();
    for (String content : List.of("first", "second")) {
      AtomicFiles.replaceDirectory(target, aside -> Files.writeString(aside.resolve("a"), content));
      assertThat(target.resolve("a")).hasContent(content);
    }
    assertThat(own).allSatisfy(path -> assertThat(path.resolve("a")).hasContent("kept"));
    assertThat(directory.toFile().list())
        .containsExactlyInAnyOrder("adapter", "adapter.old", "adapter.new");
  }

  @Test
  void theFileBehindALinkIsReplacedAndTheLinkStays() throws IOException {
    Files.writeString(file, "old");
    Path link = directory.resolve("link");
    Files.createSymbolicLink(link, file.getFileName());
    AtomicFiles.replaceFile(link, aside -> Files.writeString(aside, "new"));
    assertThat(file).hasContent("new");
    assertThat(link).isSymbolicLink();
  }

  @Test
  void theDirectoryBehindALinkIsReplacedAndTheLinkStays() throws IOException {
    Path there = Files.createDirectory(directory.resolve("there"));
    Files.writeString(there.resolve("a"), "old");
    Path link = directory.resolve("adapter");
    Files.createSymbolicLink(link, there.getFileName());
    AtomicFiles.replaceDirectory(link, aside -> Files.writeString(aside.resolve("a"), "new"));
    assertThat(there.resolve("a")).hasContent("new");
    assertThat(link).isSymbolicLink();
  }

  @Test
  void nothingButAFileIsReplacedByOne() {
    Path device = Path.of("/dev/null");
    for (Path target : List.of(device, directory)) {
      assertThatThrownBy(
              () -> AtomicFiles.replaceFile(target, aside -> Files.writeString(aside, "new")))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(target + " is no file");
    }
    assertThat(Files.isRegularFile(device)).isFalse();
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void aFileIsNotReplacedByADirectory() throws IOException {
    Files.writeString(file, "old");
    assertThatThrownBy(() ->
            AtomicFiles.replaceDirectory(file, aside -> Files.writeString(aside.resolve("a"), "")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file + " is no directory");
    assertThat(file).hasContent("old");
  }
}
