"""What WhatsApp writes into an exported chat in the name of a person: placeholders for media, deleted messages, calls.

Such words are known only as a whole line, in the languages listed here: a sentence that contains them stays.
"""

import re

_MEDIA = """image photo picture video audio gif sticker document media voice video_note video_message contact_card
    voice_message bild foto video audio sticker dokument kontakt(?:karte)? sprachnachricht videonachricht medien
    imagem? image[nm] figurinha arquivo m[ií]dia vídeo áudio documento contacto multimedia archivo médias? vidéo
    immagine media_video afbeelding documento nota_vocale bestand video videobericht spraakbericht mediebestand
    medier mediefil billede bilde obraz plik multimedia multimédia media_tiedosto media""".split()
_GONE = """omitted weggelassen ausgeschlossen omitid[oa]s? omis(?:e|es)? omess[oaie] esclus[oaie] weggelaten
    ocult[oa]s? utelämna(?:d|t|de)s? udelad(?:t|te) utelatt pominięto wykluczono jätetty_pois vynechán[oay]?
    excluíd[oa]s?""".split()
_WHOLE = (
    rf"<?(?:archivo )?(?:{'|'.join(_MEDIA).replace('_', ' ')}) (?:{'|'.join(_GONE).replace('_', ' ')})>?",
    r"<?(?:без медиафайлов|medya dahil edilmedi|görüntü dahil edilmedi|medya atlanmış|ملف محذوف|"
    r"省略媒体文件|省略多媒體檔|"
    r"미디어 파일을 제외한 기록|メディアなし|image non incluse|pominięto multimedia)>?",
    r"<(?:attached|adjunto|anexado|anhang|pièce jointe|allegato|bijgevoegd|bifogad|vedhæftet|vedlagt|"
    r"załączono): [^<>]+>",
    r"[^\n<>:]{1,120}\.\w{2,5} \((?:file attached|datei angehängt|archivo adjunto|arquivo anexado|fichier joint|"
    r"file allegato|bestand bijgevoegd|fil bifogad|fil vedhæftet|fil vedlagt|plik w załączniku|файл добавлен|"
    r"dosya ekli)\)",
    r".{1,120} (?:• )?\d+ (?:pages?|seiten?|páginas?|pagine|pagina's) (?:document|dokument|documento) \w+",
    r"(?:this message was deleted|you deleted this message|this message was deleted by admin .{1,60}|"
    r"diese nachricht wurde gelöscht|du hast diese nachricht gelöscht|ce message a été supprimé|"
    r"(?:vous avez|tu as) supprimé ce message|se eliminó este mensaje|este mensaje fue eliminado|"
    r"eliminaste este mensaje|"
    r"mensagem apagada|esta mensagem foi apagada|(?:você apagou|apagou) esta mensagem|"
    r"(?:questo messaggio è stato|hai) eliminato(?: questo messaggio)?|dit bericht (?:is|werd) verwijderd|"
    r"u (?:hebt|heeft) dit bericht verwijderd|je hebt dit bericht verwijderd|"
    r"det här meddelandet (?:har raderats|togs bort)|du (?:raderade|tog bort) det här meddelandet|"
    r"denne (?:besked|meldingen) (?:blev|ble) slettet|du slettede denne besked|du slettet denne meldingen|"
    r"ta wiadomość została usunięta|usunięto tę wiadomość|tämä viesti poistettiin|poistit tämän viestin|"
    r"данное сообщение удалено|вы удалили данное сообщение|bu mesaj silindi|bu mesajı sildiniz)",
    r"(?:missed (?:group )?(?:voice|video) call|missed call|verpasster (?:sprach|video)anruf|"
    r"appel (?:vocal|vidéo) manqué|(?:llamada|videollamada)(?: de voz)? perdida|videollamada perdida|"
    r"(?:chamada|ligação|videochamada)(?: de (?:voz|vídeo))? perdida|(?:chiamata|videochiamata)(?: vocale)? persa|"
    r"gemist(?:e)? (?:spraak|video)?oproep|gemist (?:spraak|video)gesprek|missat (?:röst|video)samtal|"
    r"ubesvaret (?:lyd|tale|video)?(?:opkald|anrop)|tapt (?:tale|video)anrop|nieodebrane połączenie (?:głosowe|wideo)|"
    r"vastaamaton (?:ääni|video)puhelu|пропущенный (?:аудио|видео)звонок|cevapsız (?:sesli|görüntülü) arama)"
    r"(?:[,.•· ]+(?:tap to call back|zum zurückrufen tippen|(?:at|um|à|a las|às|alle|"
    r"om) [\d:.]+\W?(?:[ap]\.?m\.?|uhr)?))?",
    r"(?:voice|video) call[,.•· ]+(?:no answer|\d+ (?:sec|min|hr|secs|mins|hrs)|missed|declined|"
    r"tap to call back).{0,40}",
    r"messages and calls are end-to-end encrypted\b.{0,200}|"
    r"nachrichten und anrufe sind ende-zu-ende-verschlüsselt\b.{0,200}|"
    r"les messages et (?:les )?appels sont chiffrés de bout en bout\b.{0,200}|"
    r"los mensajes y las llamadas están cifrados de extremo a extremo\b.{0,200}|"
    r"as mensagens e (?:as )?(?:ligações|chamadas) são protegidas com a criptografia de ponta a ponta\b.{0,200}|"
    r"i messaggi e le chiamate sono crittografati end-to-end\b.{0,200}|"
    r"berichten en (?:gesprekken|oproepen) (?:zijn|worden) (?:end-to-end|volledig) versleuteld\b.{0,200}",
    r"waiting for this message\b.{0,60}|null|<view once .{1,30}>|view once (?:photo|video|voice message) omitted",
)  # fmt: skip
_PLACEHOLDER = re.compile("|".join(f"(?:{form})" for form in _WHOLE), re.IGNORECASE)
_EDITED = re.compile(
    r"\s*\u200e?<(?:this message was edited|diese nachricht wurde bearbeitet|ce message a été modifié|"
    r"se editó este mensaje|esta mensagem foi editada|mensagem editada|questo messaggio è stato modificato|"
    r"dit bericht is bewerkt|данное сообщение изменено|bu mesaj düzenlendi)\.?>\s*$",
    re.IGNORECASE,
)
_MARK = "\u200e"
MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\ufeff"))
"""Direction marks, which WhatsApp puts before dates, attachments and its own words."""


def is_placeholder(line: str) -> bool:
    """Whether a line holds nothing that a person wrote."""
    return bool(_PLACEHOLDER.fullmatch(line.translate(MARKS).strip(" \t\r.")))


def without_placeholders(text: str) -> tuple[str, str]:
    """Divides a message into the person's words and what WhatsApp added to them.

    Args:
        text: the message, with its marks of direction.

    Returns:
        The words, such as the caption below `<Media omitted>`, and the added lines.
    """
    edited = _EDITED.search(text)
    lines = (text[: edited.start()] if edited else text).split("\n")
    added = [line for line in lines if is_placeholder(line)]
    if lines and (caption := re.fullmatch(rf"(.*\S)\s*({_MARK}<[^<>:]+: [^<>]+>)", lines[-1])):
        lines[-1] = caption[1]  # of an attachment on iOS
        added.append(caption[2])
    words = "\n".join(line for line in lines if not is_placeholder(line))
    if edited:
        added.append(edited[0])
    return words.translate(MARKS).strip(), "\n".join(line.translate(MARKS).strip() for line in added)


def is_notice(text: str, names: set[str]) -> bool:
    """Whether a message is a notice of WhatsApp that newer phones write in the name of a person or a group.

    Args:
        text: the message, with its marks of direction.
        names: who writes in the chat. A notice begins with the mark and a name: `Ana changed this group's icon`.
    """
    bare = text.removeprefix(_MARK)
    return bare != text and any(bare.startswith(f"{name} ") for name in names if name)
