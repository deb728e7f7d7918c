"""Why an import stops as a whole. What is wrong with one row is a `rejects.Reject` instead."""

from django.utils.translation import gettext_lazy as _

from core.errors import HallError


class UnreadableFile(HallError):
    code = "IMPORT_UNREADABLE_FILE"
    message = _("文件无法读取：%(why)s")


class NotText(HallError):
    code = "IMPORT_NOT_TEXT"
    message = _("这是一个 %(what)s 文件，请先在原软件中另存为 CSV（UTF-8）")


class FileTooLarge(HallError):
    code = "IMPORT_FILE_TOO_LARGE"
    message = _("文件解压后超过 %(limit)s 字节，未导入任何数据；确实需要时用 --max-bytes 放宽")


class UnknownEncoding(HallError):
    code = "IMPORT_UNKNOWN_ENCODING"
    message = _("无法识别文件的编码（看起来像 %(guess)s），未导入任何数据；请用 --encoding 指定")


class BadHeader(HallError):
    code = "IMPORT_BAD_HEADER"
    message = _("表头不符：%(why)s。文件中的列：%(found)s")


class ImportRunning(HallError):
    code = "IMPORT_RUNNING"
    message = _("同一来源的另一个导入正在进行，请等它结束后再运行")


class BadProfile(HallError):
    code = "IMPORT_BAD_PROFILE"
    message = _("导入配置 %(profile)s 第 %(line)s 行：%(why)s")


class UnknownProfile(HallError):
    code = "IMPORT_UNKNOWN_PROFILE"
    message = _("没有名为 %(profile)s 的导入配置（可用：%(known)s）")
